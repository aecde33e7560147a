-- Keys, indexes, constraints and statistics, built once the rows are there.

ALTER TABLE auth.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX users_email_key ON auth.users (lower(email::text)) WHERE email IS NOT NULL;
COMMENT ON INDEX auth.users_email_key IS 'One account per address, however it is written';

ALTER TABLE auth.refresh_tokens ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
    ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
CREATE INDEX refresh_tokens_token_idx ON auth.refresh_tokens USING hash (token);

ALTER TABLE public.profiles ADD CONSTRAINT profiles_pkey PRIMARY KEY (id),
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users ON DELETE CASCADE;

ALTER TABLE public.baskets ADD CONSTRAINT "baskets have a customer" CHECK (jsonb_typeof(content) = 'array');

ALTER TABLE public.products ADD CONSTRAINT products_pkey PRIMARY KEY (id),
    ADD CONSTRAINT products_sku_key UNIQUE (sku) INCLUDE (title),
    ADD CONSTRAINT products_category_id_fkey FOREIGN KEY (category_id) REFERENCES public.categories;
ALTER TABLE public.products REPLICA IDENTITY USING INDEX products_sku_key;
CREATE INDEX products_search_idx ON public.products USING gin (search);
CREATE INDEX products_attributes_idx ON public.products USING gin (attributes jsonb_path_ops);
CREATE INDEX products_tags_idx ON public.products USING gin (tags);
CREATE INDEX products_fits_boats_idx ON public.products USING gist (fits_boats);
CREATE INDEX products_price_idx ON public.products (price DESC NULLS LAST, id) INCLUDE (title);
COMMENT ON CONSTRAINT products_sku_key ON public.products IS 'Printed on the shelf';

ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id),
    ADD CONSTRAINT orders_reference_key UNIQUE (reference) DEFERRABLE,
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.profiles ON UPDATE CASCADE,
    ADD CONSTRAINT "not in the future" CHECK (placed_at < '2100-01-01 00:00:00+00');
CREATE INDEX orders_customer_id_idx ON public.orders (customer_id, placed_at DESC);
CREATE INDEX orders_open_idx ON public.orders (placed_at) WHERE status IN ('draft', 'paid', 'packed');
ALTER TABLE public.orders CLUSTER ON orders_pkey;

ALTER TABLE public.order_items ADD CONSTRAINT order_items_pkey PRIMARY KEY (order_id, line),
    ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders ON DELETE CASCADE,
    ADD CONSTRAINT order_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.products;
CREATE INDEX order_items_product_id_idx ON public.order_items (product_id);

ALTER TABLE public.reviews ADD CONSTRAINT reviews_pkey PRIMARY KEY (id),
    ADD CONSTRAINT reviews_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.products ON DELETE CASCADE,
    ADD CONSTRAINT reviews_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.profiles ON DELETE SET NULL;
CREATE INDEX reviews_product_id_idx ON public.reviews (product_id, stars);
CREATE STATISTICS public.reviews_stars (dependencies, ndistinct) ON product_id, stars FROM public.reviews;
CREATE STATISTICS public.reviews_words ON (length(body)), helpful FROM public.reviews;
COMMENT ON STATISTICS public.reviews_stars IS 'Good things get good stars';

ALTER TABLE public.stock_movements ADD CONSTRAINT stock_movements_pkey PRIMARY KEY (id),
    ADD CONSTRAINT stock_movements_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.products;
-- Not valid, because older rows broke it; they stay.
ALTER TABLE public.stock_movements ADD CONSTRAINT "something moved" CHECK (quantity <> 0) NOT VALID;

ALTER TABLE public.events ADD CONSTRAINT events_pkey PRIMARY KEY (id, occurred_at);
CREATE INDEX events_occurred_at_idx ON public.events USING brin (occurred_at);
CREATE INDEX events_user_id_idx ON public.events (user_id) WHERE user_id IS NOT NULL;
ALTER TABLE public.events_2025_12 ADD CONSTRAINT "busy month" CHECK (kind IS NOT NULL);

ALTER TABLE public.payments ADD CONSTRAINT payments_pkey PRIMARY KEY (provider, order_id),
    ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders;

ALTER TABLE public.shipments ADD CONSTRAINT shipments_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders;
CREATE INDEX shipments_order_id_idx ON public.shipments (order_id);

ALTER TABLE "shop internal"."audit log" ADD PRIMARY KEY ("№");

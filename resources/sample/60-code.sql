-- What is code rather than rows: functions, an aggregate, an operator, a cast, triggers, rules,
-- views and materialized views. Some bodies look like the text of a dump, to trip careless readers.

CREATE FUNCTION auth.uid() RETURNS uuid STABLE LANGUAGE sql AS
$$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
COMMENT ON FUNCTION auth.uid() IS 'Who is signed in';

CREATE FUNCTION auth.role() RETURNS text STABLE LANGUAGE sql AS
$$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;

CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE FUNCTION public.handle_new_user() RETURNS trigger
    SECURITY DEFINER LANGUAGE plpgsql SET search_path = '' SET statement_timeout = '5s' AS $$
BEGIN
    INSERT INTO public.profiles (id, display_name)
    VALUES (NEW.id, coalesce(NEW.raw_user_meta_data ->> 'full_name', 'Somebody'))
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.handle_new_user() IS 'Gives each new user a profile';

CREATE FUNCTION public.check_stock() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $check$
BEGIN
    IF (SELECT coalesce(sum(quantity), 0) < -100000 FROM public.stock_movements WHERE product_id = NEW.product_id) THEN
        RAISE EXCEPTION 'product % cannot be that popular', NEW.product_id USING HINT = 'Count again.';
    END IF;
    RETURN NULL;
END
$check$;

CREATE FUNCTION "shop internal".log_orders() RETURNS trigger
    SECURITY DEFINER LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    INSERT INTO "shop internal"."audit log" ("when", "who/what", "table", "row before", "row after")
    SELECT now(), session_user, TG_RELID, to_jsonb(old_rows), to_jsonb(new_rows)
    FROM old_rows JOIN new_rows USING (id);
    RETURN NULL;
END
$$;

-- Its body is the text of a dump, and stands for nothing but text.
CREATE FUNCTION "shop internal"."like a dump; or not"("an ""argument""" text DEFAULT $q$it's $$ -- here$q$) RETURNS text
    STABLE LANGUAGE sql AS $_X_$
SELECT $body$
--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: postgres
--
COPY public.orders (id, reference) FROM stdin;
1	\N
\.

\connect elsewhere
\restrict abc
GRANT ALL ON TABLE public.orders TO anon;
$$ /* neither quote nor comment: ' " */
$body$ || "an ""argument""" -- ends here
$_X_$;
COMMENT ON FUNCTION "shop internal"."like a dump; or not"(text) IS $$A comment with 'quotes', $dollars$ and -- dashes;
COPY x FROM stdin;
\.$$;

CREATE FUNCTION public.order_total(of_order bigint) RETURNS numeric STABLE LANGUAGE sql
BEGIN ATOMIC
    SELECT sum(items.quantity * items.unit_price::numeric * (1 - items.discount::numeric))
    FROM public.order_items AS items WHERE items.order_id = of_order;
END;

CREATE FUNCTION public.find_products(VARIADIC words text[]) RETURNS TABLE (id bigint, title text, rank real)
    STABLE ROWS 20 LANGUAGE sql SET search_path = '' AS $$
SELECT products.id, products.title, ts_rank(search, query)
FROM public.products, plainto_tsquery('public.chandler', array_to_string(words, ' ')) AS query
WHERE search @@ query ORDER BY 3 DESC, 1
$$;

CREATE PROCEDURE public.close_order(INOUT order_id bigint, reason text DEFAULT NULL) LANGUAGE plpgsql AS $procedure$
BEGIN
    UPDATE public.orders SET status = 'delivered', remark = coalesce(reason, remark) WHERE id = order_id;
END
$procedure$;

CREATE FUNCTION public.larger_of(a public.dimensions, b public.dimensions) RETURNS public.dimensions
    IMMUTABLE LANGUAGE sql AS $$
SELECT CASE WHEN public.volume(a) >= public.volume(b) OR b IS NULL THEN a ELSE b END
$$;
CREATE AGGREGATE public.largest(public.dimensions) (SFUNC = public.larger_of, STYPE = public.dimensions);
COMMENT ON AGGREGATE public.largest(public.dimensions) IS 'The size that needs the biggest box';
CREATE OPERATOR public.|># (FUNCTION = public.larger_of, LEFTARG = public.dimensions, RIGHTARG = public.dimensions);
COMMENT ON OPERATOR public.|># (public.dimensions, public.dimensions) IS 'The larger of the two';
CREATE CAST (public.dimensions AS numeric) WITH FUNCTION public.volume(public.dimensions) AS ASSIGNMENT;
COMMENT ON CAST (public.dimensions AS numeric) IS 'Litres';

CREATE TRIGGER profiles_touch BEFORE UPDATE ON public.profiles
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION public.touch();
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
CREATE CONSTRAINT TRIGGER stock_stays_sane AFTER INSERT OR UPDATE OF quantity ON public.stock_movements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.check_stock();
CREATE TRIGGER "log each ""change""" AFTER UPDATE ON public.orders
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "shop internal".log_orders();
COMMENT ON TRIGGER on_auth_user_created ON auth.users IS 'As in Supabase''s own guide';
ALTER TABLE auth.users ENABLE ALWAYS TRIGGER on_auth_user_created;
ALTER TABLE public.stock_movements DISABLE TRIGGER stock_stays_sane;

CREATE RULE "vouchers are for ever" AS ON DELETE TO public.vouchers DO INSTEAD NOTHING;
CREATE RULE products_are_noted AS ON UPDATE TO public.products WHERE OLD.price::numeric IS DISTINCT FROM NEW.price::numeric
    DO ALSO INSERT INTO "shop internal"."audit log" ("when", "who/what", "table")
    VALUES (now(), 'price of ' || NEW.title, 'public.products'::regclass);
COMMENT ON RULE "vouchers are for ever" ON public.vouchers IS 'Once printed, always printed';

CREATE VIEW public.my_orders AS
    SELECT id, reference, status, placed_at, (ship_to).city AS city, total FROM public.orders WHERE customer_id = auth.uid();
COMMENT ON VIEW public.my_orders IS 'For the app''s first screen';
CREATE VIEW public.cheap_products WITH (security_barrier) AS
    SELECT id, title, price FROM public.products WHERE price::numeric < 50 WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW public.category_tree (id, depth, title) AS
    SELECT id, 0, name::text FROM public.categories WHERE parent_id IS NULL
    UNION ALL
    SELECT child.id, depth + 1, title || ' › ' || child.name
    FROM public.categories AS child JOIN category_tree ON category_tree.id = child.parent_id;
ALTER VIEW public.cheap_products ALTER COLUMN price SET DEFAULT 9.99;
DO $security_invoker$
BEGIN
    IF current_setting('server_version_num')::integer >= 150000 THEN
        ALTER VIEW public.my_orders SET (security_invoker = on);
    END IF;
END
$security_invoker$;

CREATE MATERIALIZED VIEW public.sales_by_month AS
    SELECT date_trunc('month', orders.placed_at, 'UTC') AS month, categories.name AS category,
        count(DISTINCT orders.id) AS orders, sum(items.quantity) AS pieces, sum(items.quantity * items.unit_price::numeric) AS revenue
    FROM public.orders
    JOIN public.order_items AS items ON items.order_id = orders.id
    JOIN public.products ON products.id = items.product_id
    JOIN public.categories ON categories.id = products.category_id
    GROUP BY 1, 2;
CREATE UNIQUE INDEX sales_by_month_key ON public.sales_by_month (month, category);
CREATE INDEX sales_by_month_revenue_idx ON public.sales_by_month (revenue DESC);
COMMENT ON MATERIALIZED VIEW public.sales_by_month IS 'For the Monday meeting';
CREATE MATERIALIZED VIEW "shop internal"."never asked for" AS
    SELECT category, max(revenue) AS best FROM public.sales_by_month GROUP BY 1 WITH NO DATA;
CREATE UNIQUE INDEX ON "shop internal"."never asked for" (category);

-- Who may do what: row security, policies, privileges on schemas, tables, columns, functions,
-- types, sequences and large objects, and what is granted by default.

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.order_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.products ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.baskets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.baskets FORCE ROW LEVEL SECURITY;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;

CREATE POLICY "Everybody sees profiles" ON public.profiles FOR SELECT TO anon, authenticated USING (true);
CREATE POLICY "You change your own" ON public.profiles FOR UPDATE TO authenticated
    USING ((SELECT auth.uid()) = id) WITH CHECK ((SELECT auth.uid()) = id);
CREATE POLICY "Everybody sees products" ON public.products FOR SELECT USING (true);
CREATE POLICY "You see your orders" ON public.orders FOR SELECT TO authenticated USING (auth.uid() = customer_id);
CREATE POLICY "Nobody sees drafts" ON public.orders AS RESTRICTIVE FOR ALL TO authenticated USING (status <> 'draft');
CREATE POLICY "You see what you bought" ON public.order_items FOR SELECT TO authenticated
    USING (EXISTS (SELECT FROM public.orders WHERE orders.id = order_items.order_id AND orders.customer_id = auth.uid()));
CREATE POLICY "Who bought it may review it; ""once""" ON public.reviews FOR INSERT TO authenticated WITH CHECK (author_id = auth.uid());
CREATE POLICY "Your basket" ON public.baskets TO authenticated USING (customer_id = auth.uid());
CREATE POLICY "Pictures are public" ON storage.objects FOR SELECT TO anon USING (bucket_id = 'pictures');
COMMENT ON POLICY "You see your orders" ON public.orders IS 'And nobody else''s';

GRANT USAGE ON SCHEMA public, auth, storage TO anon, authenticated, service_role;
GRANT USAGE, CREATE ON SCHEMA "shop internal" TO "shop manager";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO authenticated;
GRANT ALL ON ALL TABLES IN SCHEMA public, auth, storage TO service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO service_role;
GRANT SELECT ON public.products, public.categories, public.cheap_products TO anon;
GRANT SELECT (id, display_name, interests), REFERENCES (id) ON public.profiles TO anon;
GRANT UPDATE (display_name, home, settings) ON public.profiles TO authenticated;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA "shop internal" TO "shop manager" WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE "shop internal"."invoice №" TO "shop manager";
GRANT SELECT ON LARGE OBJECT 240001 TO anon;
GRANT SELECT, UPDATE ON LARGE OBJECT 240004 TO "shop manager";
REVOKE ALL ON FUNCTION public.handle_new_user() FROM PUBLIC;
REVOKE ALL ON PROCEDURE public.close_order(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE public.close_order(bigint, text) TO service_role;
REVOKE USAGE ON TYPE public.parcel FROM PUBLIC;
GRANT USAGE ON TYPE public.parcel TO "shop manager", service_role;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO service_role;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

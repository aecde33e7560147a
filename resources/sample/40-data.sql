-- The shop's rows, invented without chance or clock: two loads at one scale give the same bytes.

INSERT INTO auth.users (id, email, encrypted_password, phone, email_confirmed_at, last_sign_in_at,
                        raw_app_meta_data, raw_user_meta_data, is_super_admin, created_at)
SELECT
    pg_temp.id('user', i),
    CASE WHEN i % 50 <> 7 THEN
        lower(translate(pg_temp.first_name(i), 'áåéëöøŽ', 'aaeeooZ')) || '.' || i || '@'
        || pg_temp.one_of(ARRAY['example.com', 'example.org', 'mail.example.net', 'hafen.example'], i, 20)
    END,
    '$2a$10$' || translate(encode(sha256(int8send(i)), 'base64') || left(md5(i::text), 10), '=+', './'),
    CASE WHEN i % 3 = 0 THEN '+49 40 55501' || lpad((i % 1000)::text, 3, '0') END,
    CASE WHEN i % 11 <> 5 THEN t.created_at + pg_temp.pick(i, 21, 7200) * interval '1 second' END,
    t.created_at + pg_temp.pick(i, 22, 60000000) * interval '1 second',
    jsonb_build_object('provider', p.provider, 'providers', jsonb_build_array(p.provider)),
    jsonb_build_object('full_name', pg_temp.first_name(i) || ' ' || pg_temp.last_name(i),
        'avatar_url', 'https://cdn.example/avatars/' || left(md5(i::text), 12) || '.webp', 'locale',
        pg_temp.one_of(ARRAY['de', 'en', 'da', 'fr', 'ja', 'nl'], i, 23)),
    i = 1,
    t.created_at
FROM generate_series(1, pg_temp.n(1000)) AS i,
    LATERAL (SELECT timestamptz '2022-03-01 08:15:00+00' + i * 86400000.0 / pg_temp.n(1000) * interval '1 second') AS t (created_at),
    LATERAL (SELECT pg_temp.one_of(ARRAY['email', 'email', 'email', 'google', 'apple', 'github'], i, 24)) AS p (provider);

INSERT INTO auth.refresh_tokens (token, user_id, revoked, created_at)
SELECT
    left(translate(encode(sha256(int8send(-i)), 'base64'), '+/=', 'abc'), 22),
    pg_temp.id('user', 1 + pg_temp.pick(i, 25, pg_temp.n(1000))),
    i % 4 <> 0,
    timestamptz '2025-06-01 00:00:00+00' + i * 9.25 * interval '1 second'
FROM generate_series(1, pg_temp.n(1500)) AS i;

INSERT INTO public.profiles (id, display_name, home, birthday, interests, newsletter, settings, boat_length, updated_at)
SELECT
    pg_temp.id('user', i),
    pg_temp.first_name(i) || ' ' || pg_temp.last_name(i),
    ROW(pg_temp.one_of(ARRAY['Hafenstraße', 'Quai de l''Odet', 'Strandvejen', 'Harbour Road', 'Calle del Puerto',
            'Kaivokatu', 'Rua da Praia', 'Am Deich'], i, 30) || ' ' || 1 + pg_temp.pick(i, 31, 180),
        lpad(pg_temp.pick(i, 32, 99999)::text, 5, '0'), split_part(pg_temp.city(i), '|', 1),
        split_part(pg_temp.city(i), '|', 2))::public.address,
    CASE WHEN i % 5 <> 0 THEN date '1940-01-01' + pg_temp.pick(i, 33, 24000)::integer END,
    CASE i % 4
        WHEN 0 THEN '{}'
        WHEN 1 THEN ARRAY['racing', NULL, 'knots']
        WHEN 2 THEN ARRAY[pg_temp.one_of(ARRAY['fishing', 'cruising', 'kayak', 'model boats'], i, 34), 'weather']
        ELSE ARRAY['"quoted"', 'with, comma', 'back\slash', '']
    END,
    i % 3 = 1,
    jsonb_build_object('theme', pg_temp.one_of(ARRAY['sea', 'sand', 'night'], i, 35), 'units',
        pg_temp.one_of(ARRAY['metric', 'nautical'], i, 36), 'beta', i % 17 = 0),
    CASE WHEN i % 3 <> 0 THEN (45 + pg_temp.pick_low(i, 37, 180)) / 10.0 END,
    timestamptz '2025-01-01 00:00:00+00' + pg_temp.pick(i, 38, 30000000) * interval '1 second'
FROM generate_series(1, pg_temp.n(1000)) AS i;

INSERT INTO public.categories (id, parent_id, name, path) VALUES
    (1, NULL, 'Deck', '{Deck}'), (2, NULL, 'Below deck', '{"Below deck"}'), (3, NULL, 'Safety', '{Safety}'),
    (4, 1, 'Ropes & lines', '{Deck,"Ropes & lines"}'), (5, 1, 'Anchors', '{Deck,Anchors}'),
    (6, 1, 'Fittings', '{Deck,Fittings}'), (7, 2, 'Galley', '{"Below deck",Galley}'),
    (8, 2, 'Electrics', '{"Below deck",Electrics}'), (9, 3, 'Life jackets', '{Safety,"Life jackets"}'),
    (10, 3, 'Lights', '{Safety,Lights}'), (11, 4, 'Mooring', '{Deck,"Ropes & lines",Mooring}'),
    (12, NULL, 'Ölzeug', '{Ölzeug}');
SELECT pg_catalog.setval(pg_get_serial_sequence('public.categories', 'id'), 12);

INSERT INTO public.products (sku, category_id, title, price, size, colours, tags, attributes, translations, description,
                             fits_boats, on_sale, weight_kg, added_at)
SELECT
    upper(left(thing[1], 2)) || '-' || lpad(i::text, 6, '0'),
    thing[4]::integer,
    concat_ws(' ', brand, material, thing[1],
        CASE WHEN thing[4] IN ('4', '11') THEN 6 + 2 * pg_temp.pick(i, 43, 10) || ' mm' WHEN i > 300 THEN 'No. ' || i / 60 END),
    pg_temp.price_of(i),
    CASE WHEN i % 9 <> 4 THEN ROW(100 + pg_temp.pick(i, 44, 900), 40 + pg_temp.pick(i, 45, 300), 20 + pg_temp.pick(i, 46, 200))::public.dimensions END,
    CASE WHEN i % 8 <> 3 THEN ARRAY[pg_temp.one_of(ARRAY['navy', 'signal red', 'white'], i, 47), 'grün'] END,
    ARRAY[material, split_part(thing[1], ' ', 1), CASE WHEN i % 20 = 0 THEN 'new' ELSE 'classic' END],
    jsonb_build_object('material', material, 'warranty_months', 12 * (1 + i % 5), 'breaking_load_kn',
        round(pg_temp.pick(i, 48, 6000) / 100.0, 2), 'care', jsonb_build_object('washable', i % 2 = 0, 'max_celsius', 30)),
    jsonb_build_object('en', thing[1], 'de', thing[2], 'ja', thing[3]),
    pg_temp.sentence(i, 49) || ' ' || pg_temp.sentence(i, 50) || E'\n\n\tMaterial: ' || material || E'\n\tBrand: ' || brand,
    CASE WHEN i % 3 <> 0 THEN numrange(4 + i % 5, CASE WHEN i % 7 <> 0 THEN 9 + i % 11 END, '[)') END,
    CASE WHEN i % 4 = 0 THEN datemultirange(daterange('2025-01-07', '2025-01-21'), daterange('2025-07-01', '2025-08-01')) ELSE '{}' END,
    (10 + pg_temp.pick(i, 51, 4000)) / 100.0,
    timestamptz '2023-01-01 00:00:00+00' + i * 60000000.0 / pg_temp.n(300) * interval '1 second'
FROM generate_series(1, pg_temp.n(300)) AS i,
    LATERAL (SELECT pg_temp.one_of(ARRAY['Skagen', 'Fastnet', 'Nordlicht', 'Cap Gris', 'Hokusai', 'Biscay', 'Tern & Sons'], i, 40)) AS b (brand),
    LATERAL (SELECT pg_temp.one_of(ARRAY['braided nylon', 'galvanised', 'teak', 'stainless', 'waxed cotton', 'carbon', 'recycled'], i, 41)) AS m (material),
    LATERAL (SELECT string_to_array(pg_temp.one_of(ARRAY[
        'dock line|Festmacher|係留ロープ|11', 'halyard|Fall|ハリヤード|4', 'plough anchor|Pflugscharanker|アンカー|5',
        'shackle|Schäkel|シャックル|6', 'winch handle|Winschkurbel|ウインチハンドル|6', 'cleat|Klampe|クリート|6',
        'enamel mug|Emaillebecher|ホーローマグ|7', 'kettle|Wasserkessel|やかん|7', 'bilge pump|Bilgepumpe|ビルジポンプ|8',
        'VHF radio|UKW-Funkgerät|VHF無線機|8', 'life jacket|Rettungsweste|救命胴衣|9', 'throw bag|Wurfsack|救助ロープ|9',
        'masthead light|Topplicht|マスト灯|10', 'head torch|Stirnlampe|ヘッドライト|10', 'sou''wester|Südwester|防水帽|12',
        'oilskin jacket|Öljacke|防水ジャケット|12', 'boat hook|Bootshaken|ボートフック|1', 'hammock|Hängematte|ハンモック|2'], i, 42), '|')) AS k (thing);

INSERT INTO public.orders (reference, customer_id, status, placed_at, ship_to, goods, shipping, details, client, remark)
SELECT
    pg_temp.id('order', i),
    pg_temp.customer_of(i),
    CASE WHEN i > pg_temp.n(6000) * 0.97 THEN (ARRAY['draft', 'paid', 'packed'])[1 + i % 3]
         ELSE (ARRAY['delivered', 'delivered', 'delivered', 'shipped', 'returned', 'can''t deliver'])[1 + pg_temp.pick_low(i, 60, 6)]
    END::public.order_status,
    pg_temp.placed_at(i),
    ROW(pg_temp.one_of(ARRAY['Pier', 'Molenweg', 'Quai des Marins', 'Bryggen', 'Marina', 'Boathouse Lane', 'Skeppsbron'], i, 61)
            || ' ' || 1 + pg_temp.pick(i, 62, 220),
        lpad(pg_temp.pick(i, 63, 99999)::text, 5, '0'), split_part(pg_temp.city(i), '|', 1), split_part(pg_temp.city(i), '|', 2))::public.address,
    (SELECT sum(pg_temp.quantity_of(i, line) * pg_temp.price_of(pg_temp.product_of(i, line)))
     FROM generate_series(1, pg_temp.lines_of(i)) AS line),
    (ARRAY[0, 4.90, 6.90, 12.50])[1 + i % 4],
    jsonb_build_object('channel', pg_temp.one_of(ARRAY['web', 'web', 'app', 'phone', 'fair'], i, 64), 'currency', 'EUR',
        'gift', i % 12 = 0, 'carrier', pg_temp.one_of(ARRAY['DHL', 'PostNord', 'Colissimo', 'Royal Mail'], i, 65))
        || CASE WHEN i % 5 = 0 THEN jsonb_build_object('coupon', 'AHOY' || i % 90) ELSE '{}' END,
    CASE WHEN i % 6 = 0 THEN ('2001:db8::' || to_hex(pg_temp.pick(i, 66, 65535)))::inet
         ELSE inet '198.51.100.0' + pg_temp.pick(i, 67, 256) END,
    CASE WHEN i % 9 = 0 THEN pg_temp.one_of(ARRAY['Please ring twice.', 'Bitte beim Hafenmeister abgeben.', E'Pontoon C\nberth 14',
        'Livrer après 18 h', '置き配でお願いします', E'Gate code:\t4711', 'C:\boats\notes.txt'], i, 68) END
FROM generate_series(1, pg_temp.n(6000)) AS i;

INSERT INTO public.order_items (order_id, line, product_id, quantity, unit_price, discount, serial_number, gift_note)
SELECT
    i, line, pg_temp.product_of(i, line), pg_temp.quantity_of(i, line), pg_temp.price_of(pg_temp.product_of(i, line)),
    (ARRAY[0, 0, 0, 0.05, 0.1, 0.333])[1 + pg_temp.pick(i * 8 + line, 70, 6)],
    CASE WHEN (i + line) % 3 = 0 THEN upper(left(md5('serial' || i * 8 + line), 16)) END,
    CASE WHEN i % 12 = 0 THEN 'For ' || pg_temp.first_name(i * 8 + line) || ', with love. ❤' END
FROM generate_series(1, pg_temp.n(6000)) AS i, LATERAL generate_series(1, pg_temp.lines_of(i)) AS line;

INSERT INTO public.reviews (product_id, author_id, stars, title, body, helpful, written_at)
SELECT
    1 + pg_temp.pick_low(i, 80, pg_temp.n(300)),
    CASE WHEN i % 13 <> 0 THEN pg_temp.id('user', 1 + pg_temp.pick(i, 81, pg_temp.n(1000))) END,
    5 - pg_temp.pick_low(i, 82, 5),
    pg_temp.sentence(i, 83),
    CASE WHEN pg_temp.pick(i, 84, 400) = 7
        THEN (SELECT string_agg(pg_temp.sentence(i * 100 + n, 85), ' ' ORDER BY n) FROM generate_series(1, 90) AS n)
        ELSE (SELECT string_agg(pg_temp.sentence(i * 100 + n, 86), ' ' ORDER BY n) FROM generate_series(1, 2 + i % 7) AS n)
    END || E'\n— ' || pg_temp.first_name(i) || ', ' || split_part(pg_temp.city(i), '|', 1),
    pg_temp.pick_low(i, 87, 40),
    timestamptz '2024-01-08 00:00:00+00' + i * 61000000.0 / pg_temp.n(2000) * interval '1 second'
FROM generate_series(1, pg_temp.n(2000)) AS i;

INSERT INTO public.stock_movements (product_id, moved_on, quantity, shelf, reason, checksum)
SELECT
    1 + pg_temp.pick(i, 90, pg_temp.n(300)),
    date '2024-01-01' + (i * 730 / pg_temp.n(3000))::integer,
    pg_temp.pick(i, 91, 121) - 60,
    chr(65 + (i % 12)::integer) || '-' || lpad((i % 40)::text, 2, '0'),
    CASE i % 10 WHEN 0 THEN 'stocktaking' WHEN 1 THEN 'breakage' WHEN 2 THEN E'wet\\box' END,
    CASE WHEN i % 2 = 0 THEN substring(sha256(int8send(i)) FOR 12) END
FROM generate_series(1, pg_temp.n(3000)) AS i;

INSERT INTO public.events (id, occurred_at, kind, session_id, user_id, page, browser, payload)
SELECT
    i,
    CASE WHEN pg_temp.pick(i, 100, 500) = 0 THEN timestamptz '1970-01-01 00:00:00+00' + i * interval '1 second'
         ELSE timestamptz '2025-01-01 00:00:00+00' + i * 31535990.0 / pg_temp.n(13000) * interval '1 second' END,
    pg_temp.one_of(ARRAY['view', 'view', 'view', 'view', 'search', 'add to basket', 'checkout', 'sign in'], i, 101)::public.event_kind,
    pg_temp.id('session', i / 12),
    CASE WHEN i / 12 % 3 = 0 THEN pg_temp.id('user', 1 + pg_temp.pick(i / 12, 102, pg_temp.n(1000))) END,
    pg_temp.one_of(ARRAY['/products/', '/products/', '/categories/', '/de/produkte/'], i, 103) || 1 + pg_temp.pick_low(i, 104, pg_temp.n(300)),
    pg_temp.one_of(ARRAY[
        'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
        'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36'], i / 12, 105),
    jsonb_build_object('ms', pg_temp.pick_low(i, 106, 4000), 'width', (ARRAY[390, 768, 1280, 1440, 1920])[1 + pg_temp.pick(i / 12, 107, 5)],
        'referrer', pg_temp.one_of(ARRAY['https://search.example/?q=anchor', 'https://forum.example/t/splicing', 'direct', 'newsletter'], i / 12, 108),
        'trace', md5('trace' || i::text), 'request', pg_temp.id('request', i), 'experiment', jsonb_build_array(i % 2, i % 5))
FROM generate_series(1, pg_temp.n(13000)) AS i;
SELECT pg_catalog.setval('public.event_id', pg_temp.n(13000));

INSERT INTO public.payments (order_id, provider, amount, received_at, receipt)
SELECT
    i,
    pg_temp.one_of(ARRAY['card', 'card', 'card', 'paypal', 'paypal', 'invoice', 'gift card', 'Überweisung'], i, 110)::public.payment_provider,
    (SELECT sum(pg_temp.quantity_of(i, line) * pg_temp.price_of(pg_temp.product_of(i, line)))
     FROM generate_series(1, pg_temp.lines_of(i)) AS line),
    pg_temp.placed_at(i) + pg_temp.pick(i, 111, 200000) * interval '1 second',
    'ch_' || left(md5('receipt' || i::text), 24)
FROM generate_series(1, pg_temp.n(3000)) AS i;

INSERT INTO public.shipments (order_id, country, carrier, tracking, sent_at, parcels)
SELECT
    i, split_part(pg_temp.city(i), '|', 2), pg_temp.one_of(ARRAY['DHL', 'PostNord', 'Colissimo', 'Royal Mail'], i, 65),
    CASE WHEN i % 7 <> 0 THEN '00340' || pg_temp.pick(i, 120, 1000000000000) END,
    pg_temp.placed_at(i) + interval '30 hours',
    ARRAY[ROW(ROW(300 + i % 200, 200, 100)::public.dimensions, ARRAY['fragile', 'this "side" up'],
        ROW('Pier ' || i % 60, NULL, split_part(pg_temp.city(i), '|', 1), split_part(pg_temp.city(i), '|', 2))::public.address)::public.parcel]
FROM generate_series(1, pg_temp.n(3000)) AS i;

INSERT INTO public.baskets (customer_id, content, touched_at)
SELECT pg_temp.id('user', i), jsonb_build_array(jsonb_build_object('product', 1 + pg_temp.pick_low(i, 130, pg_temp.n(300)), 'quantity', 1 + i % 3)),
    timestamptz '2025-12-30 12:00:00+00' + i * interval '7 seconds'
FROM generate_series(1, least(200, pg_temp.n(200))) AS i;

INSERT INTO "shop internal"."audit log" ("when", "who/what", "table", "row before", "row after")
SELECT
    timestamptz '2025-01-01 00:00:00.000001+00' + i * 31000000.0 / pg_temp.n(3000) * interval '1 second',
    pg_temp.one_of(ARRAY['nightly job', 'Søren (warehouse)', 'web "front" end', 'GRANT ALL ON x TO y; -- not SQL'], i, 140),
    CASE WHEN i % 5 = 0 THEN 'public.products'::regclass ELSE 'public.orders'::regclass END,
    jsonb_build_object('id', i, 'status', 'paid', 'etag', left(md5('before' || i::text), 20), 'by', pg_temp.first_name(i)),
    CASE WHEN i % 31 <> 0 THEN jsonb_build_object('id', i, 'status', 'packed', 'etag', left(md5('after' || i::text), 20),
        'by', pg_temp.first_name(i), 'note', pg_temp.sentence(i, 141)) END
FROM generate_series(1, pg_temp.n(3000)) AS i;

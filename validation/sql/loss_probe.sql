-- Hashes of fixed values: two servers that disagree about them can't be compared by hashes.
select hashtextextended('source and candidate' collate "C", 1) as text,
       hashint4extended(20261122, 1) as integer,
       hashint8extended(9007199254740993, 1) as bigint,
       hash_numeric_extended(3.14159, 1) as numeric,
       hashfloat8extended(2.5, 1) as float,
       uuid_hash_extended('6f1c0c3e-6d0b-4b6e-9d0e-0d4f6a3b2c1d', 1) as uuid,
       timestamp_hash_extended('2026-11-22 14:30', 1) as moment,
       jsonb_hash_extended('{{"a": [1, null, "b"]}}', 1) as jsonb

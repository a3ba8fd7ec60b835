-- What a query of faults found, by a hash of what tells each from the others: comparable, and no value of a row in it.
select count(*) as count,
       coalesce(jsonb_agg(jsonb_build_object('place', place, 'shown', shown, 'decides', decides) order by nth)
                  filter (where nth <= {most}), '[]') as listed
from (select hashed.*, row_number() over (order by place collate "C") as nth
      from (select left(encode(sha256(convert_to(told::text, 'UTF8')), 'hex'), 32) as place, shown, decides
            from ({faults}) as fault) as hashed) as numbered

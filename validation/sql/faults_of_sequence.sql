-- Values of the column that the sequence has yet to pass: there the inserts fail.
select jsonb_build_array(t.{column}::numeric) as told, jsonb_build_object({label}, t.{column}::text) as shown,
       false as decides
from {table} as t
where t.{column} {beyond} (select last_value::numeric + case when is_called then {increment} else 0 end from {sequence})

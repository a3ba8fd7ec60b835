-- For the question that follows; the savepoint around it takes them back. Of two for one name the later holds.
select count(set_config(wanted.name, wanted.value, true)) as settings
from (values {wanted}) as wanted (name, value)

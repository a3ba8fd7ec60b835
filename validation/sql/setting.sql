-- For the question that follows; the savepoint around it takes it back.
select set_config({setting}, {value}, true) as value

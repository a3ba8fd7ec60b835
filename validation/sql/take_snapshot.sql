-- The first statement of the transaction: from here on it sees one moment.
select true as taken

-- Some rows of a sample, each looked up in the table that it refers to; `probed` is how many.
select (select count(*) from {child} as c where {applies}) as probed,
       (select count(*) from {child} as c where {applies} and not exists (select 1 from {parent} as p where {match}))
         as orphans

-- Two servers write equal values as equal text only under equal settings; and when this session's snapshot is from.
select set_config('intervalstyle', 'postgres', false) as intervalstyle,
       set_config('extra_float_digits', '1', false) as extra_float_digits,
       set_config('bytea_output', 'hex', false) as bytea_output,
       set_config('xmlbinary', 'base64', false) as xmlbinary,
       set_config('lc_monetary', 'C', false) as lc_monetary,
       extract(epoch from now()) as taken

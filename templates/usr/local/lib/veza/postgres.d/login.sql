-- Needs :role and :password; without a password the role cannot log in.
set log_min_error_statement = panic;
set log_min_duration_statement = -1;
select case when :'password' = '' then format('alter role %I nologin password null', :'role')
  else format('alter role %I login password %L', :'role', :'password') end \gexec

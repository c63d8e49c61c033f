-- Needs :password.
set log_min_error_statement = panic;
set log_min_duration_statement = -1;
alter role replicator password :'password';

-- What the nodes themselves need.
set client_min_messages = warning;
select 'create role veza_health login' where not exists (select from pg_roles where rolname = 'veza_health') \gexec
grant pg_monitor, pg_use_reserved_connections to veza_health;
select 'create role replicator login replication' where not exists (select from pg_roles where rolname = 'replicator') \gexec
-- For pg_rewind, which reads the primary's files through these.
grant execute on function
  pg_ls_dir(text, boolean, boolean),
  pg_stat_file(text, boolean),
  pg_read_binary_file(text),
  pg_read_binary_file(text, bigint, bigint, boolean)
to replicator;
grant pg_checkpoint to replicator;

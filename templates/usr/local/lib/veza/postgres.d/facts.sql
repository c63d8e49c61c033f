-- The part of full-facts.sql that is cheap, in the same order: role, system, and a primary's timeline.
select
  case when recovering then 'standby' else 'primary' end,
  (select system_identifier from pg_control_system()),
  case when not recovering then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end
from (select pg_is_in_recovery() as recovering) as node;

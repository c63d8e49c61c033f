-- Those who came in through PgBouncer; replication and the node's own sessions stay.
select count(pg_terminate_backend(pid))
from pg_stat_activity
where backend_type = 'client backend' and usename not in ('postgres', 'veza_health', 'replicator');

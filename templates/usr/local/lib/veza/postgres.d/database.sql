-- Needs :database and :owner.
select format('create database %I owner %I', :'database', :'owner')
where not exists (select from pg_database where datname = :'database') \gexec
select format('alter database %I owner to %I', :'database', :'owner')
from pg_database where datname = :'database' and datdba <> (select oid from pg_roles where rolname = :'owner') \gexec
select format('revoke connect, temporary on database %I from public', :'database') \gexec

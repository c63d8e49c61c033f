-- Whom databases belong to, and the two roles that log in for it in turn. Needs :owner.
set client_min_messages = warning;
select format('create role %I nologin', :'owner')
where not exists (select from pg_roles where rolname = :'owner') \gexec
select format('create role %I nologin in role %I', login, :'owner')
from (values (:'owner' || '_a'), (:'owner' || '_b')) as logins (login)
where not exists (select from pg_roles where rolname = login) \gexec
-- Whoever logs in makes tables that belong to the owner, so either login can work with what the other has made.
select format('alter role %I set role = %L', login, :'owner')
from (values (:'owner' || '_a'), (:'owner' || '_b')) as logins (login) \gexec

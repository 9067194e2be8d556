-- Supabase's roles and their grants, for our own PostgreSQL. May be run again.
-- psql variables: authenticator_password.

select format('create role %I nologin noinherit %s', name, rights)
from (values ('anon', ''), ('authenticated', ''), ('service_role', 'bypassrls'), ('voicememo_owner', ''))
    as wanted (name, rights)
where not exists (select from pg_roles where rolname = name)
\gexec
select 'create role authenticator noinherit' where not exists (select from pg_roles where rolname = 'authenticator')
\gexec
alter role authenticator with login noinherit nosuperuser password :'authenticator_password';
alter role authenticator set statement_timeout = '60s'; -- an event may contain a recording
grant anon, authenticated, service_role to authenticator;

-- The owner of our tables and functions is no superuser, as at Supabase.
grant all on schema public to voicememo_owner;
grant usage on schema public to anon, authenticated, service_role;

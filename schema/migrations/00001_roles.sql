-- +goose Up
-- Two roles carry row level security. Neither can log in, and neither may
-- bypass it, so a database owner without superuser rights (a managed
-- PostgreSQL, say) can run this, given CREATEROLE or the roles made beforehand.
--
--   chatconnect_app     what the store's connections become by SET ROLE. It
--                       sees the rows of one client, or nothing.
--   chatconnect_lookup  owns the two functions that must look across clients
--                       (00005). It may read the columns they need; policies
--                       admit it by name, which also holds under FORCE, where
--                       a table's owner would see nothing.
--
-- Roles belong to the whole cluster, not to this database: two databases may
-- be migrated at the same moment, so losing a race is no error.

-- +goose StatementBegin
DO $$
DECLARE
    role_name text;
    -- From 16 on a role's creator is a member without the right to SET ROLE.
    wanted text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['chatconnect_app', 'chatconnect_lookup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, role_name, wanted) THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', role_name, current_user);
            EXCEPTION WHEN unique_violation THEN
                NULL;
            END;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- The store refuses to run on a schema older than itself.
GRANT SELECT ON goose_db_version TO chatconnect_app;

-- The client that the current transaction acts for, and the user it reads
-- for. Both are set by set_config(…, true): they end with the transaction. An
-- unset one is NULL (or, once a session has set it, ''), and equals nothing.
CREATE FUNCTION app_client() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.client_id', true), '')::uuid;

CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.user_id', true), '')::uuid;

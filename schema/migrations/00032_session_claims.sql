-- +goose Up
-- Whose a session is whose id its caller chose (docs/adr/0016). Ids that the
-- API gives out are nobody else's to begin and have no row here.

-- A claim outlives its conversation: a token that was given out stays valid, so
-- the id must never begin anything for somebody else. Only the id's SHA-256 is
-- kept.
CREATE TABLE session_claims (
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    session    bytea NOT NULL CHECK (octet_length(session) = 32),
    begun_with bytea CHECK (octet_length(begun_with) = 32), -- the visitor's first request; NULL: a server's session
    begun_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, session)
);
ALTER TABLE session_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE session_claims FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON session_claims USING (client_id = app_client()) WITH CHECK (client_id = app_client());
GRANT SELECT, INSERT, UPDATE, DELETE ON session_claims TO chatconnect_app;

-- +goose Up

ALTER TABLE widgets
    ADD COLUMN launcher_text text NOT NULL DEFAULT '' CHECK (char_length(launcher_text) <= 100),
    ADD COLUMN launcher_icon text NOT NULL DEFAULT 'chat' CHECK (launcher_icon IN ('chat', 'help', 'none')),
    ADD COLUMN avatar_url    text NOT NULL DEFAULT '' CHECK (avatar_url = '' OR avatar_url LIKE 'https://%' AND char_length(avatar_url) <= 1000);

-- +goose Down

ALTER TABLE widgets DROP COLUMN launcher_text, DROP COLUMN launcher_icon, DROP COLUMN avatar_url;

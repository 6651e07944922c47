-- name: Widget :one
SELECT * FROM widgets WHERE client_id = @client_id;

-- name: SaveWidget :one
INSERT INTO widgets (client_id, title, greeting, placeholder, suggested_questions, primary_color, position,
                     color_scheme, locale, launcher_text, launcher_icon, avatar_url, allowed_domains)
VALUES (@client_id, @title, @greeting, @placeholder, @suggested_questions, @primary_color, @position,
        @color_scheme, @locale, @launcher_text, @launcher_icon, @avatar_url, @allowed_domains)
ON CONFLICT (client_id) DO UPDATE SET
    title = excluded.title, greeting = excluded.greeting, placeholder = excluded.placeholder,
    suggested_questions = excluded.suggested_questions, primary_color = excluded.primary_color,
    position = excluded.position, color_scheme = excluded.color_scheme, locale = excluded.locale,
    launcher_text = excluded.launcher_text, launcher_icon = excluded.launcher_icon, avatar_url = excluded.avatar_url,
    allowed_domains = excluded.allowed_domains, updated_at = now()
RETURNING *;

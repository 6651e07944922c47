-- SaveFeedback keeps an opinion about a question that has been logged, or of
-- which the caller knows that it has been asked.
-- name: SaveFeedback :execrows
INSERT INTO chat_feedback (client_id, session_id, message_id, rating, comment)
SELECT @client_id::uuid, @session_id::text, @message_id::text, @rating::text, @comment::text
WHERE @asked::boolean OR EXISTS (
    SELECT FROM chat_logs l WHERE l.client_id = @client_id AND l.session_id = @session_id AND l.message_id = @message_id)
ON CONFLICT (client_id, session_id, message_id) DO UPDATE SET
    rating = excluded.rating, comment = excluded.comment, updated_at = now();

-- name: Exchanges :many
SELECT sqlc.embed(l), COALESCE(f.rating, 'none')::text AS rating, COALESCE(f.comment, '')::text AS comment
FROM chat_logs l
LEFT JOIN chat_feedback f ON f.client_id = l.client_id AND f.session_id = l.session_id AND f.message_id = l.message_id
WHERE l.client_id = @client_id AND l.session_id = @session_id
ORDER BY l.asked_at DESC, l.message_id DESC
LIMIT @max_rows::integer;

-- Conversations takes the newest exchange of each session that meets the
-- filter. An empty condition is none; pattern is for ILIKE.
-- name: Conversations :many
WITH matching AS (
    SELECT DISTINCT ON (l.session_id) l.session_id, l.question, l.status, l.asked_at
    FROM chat_logs l
    LEFT JOIN chat_feedback f ON f.client_id = l.client_id AND f.session_id = l.session_id AND f.message_id = l.message_id
    WHERE l.client_id = @client_id
      AND (@pattern::text = '' OR l.question ILIKE @pattern OR l.answer ILIKE @pattern OR f.comment ILIKE @pattern)
      AND (@status::text = '' OR l.status = @status)
      AND (@rating::text = '' OR COALESCE(f.rating, 'none') = @rating)
      AND l.asked_at >= @asked_from AND l.asked_at < @asked_to
    ORDER BY l.session_id, l.asked_at DESC, l.message_id DESC
), page AS (
    SELECT * FROM matching m
    WHERE (m.asked_at, m.session_id) < (@before::timestamptz, @before_session::text)
    ORDER BY m.asked_at DESC, m.session_id DESC
    LIMIT @max_rows::integer
)
SELECT p.session_id, p.question, p.status, p.asked_at,
       (SELECT count(*) FROM chat_logs l WHERE l.client_id = @client_id AND l.session_id = p.session_id)::integer AS messages,
       (SELECT count(*) FROM chat_feedback f WHERE f.client_id = @client_id AND f.session_id = p.session_id AND f.rating = 'up')::integer AS up,
       (SELECT count(*) FROM chat_feedback f WHERE f.client_id = @client_id AND f.session_id = p.session_id AND f.rating = 'down')::integer AS down
FROM page p
ORDER BY p.asked_at DESC, p.session_id DESC;

-- ExchangesMeeting is a page of single exchanges, the latest first.
-- name: ExchangesMeeting :many
SELECT sqlc.embed(l), COALESCE(f.rating, 'none')::text AS rating, COALESCE(f.comment, '')::text AS comment
FROM chat_logs l
LEFT JOIN chat_feedback f ON f.client_id = l.client_id AND f.session_id = l.session_id AND f.message_id = l.message_id
WHERE l.client_id = @client_id
  AND (@pattern::text = '' OR l.question ILIKE @pattern OR l.answer ILIKE @pattern OR f.comment ILIKE @pattern)
  AND (@status::text = '' OR l.status = @status)
  AND (@rating::text = '' OR COALESCE(f.rating, 'none') = @rating)
  AND l.asked_at >= @asked_from AND l.asked_at < @asked_to
  AND (l.asked_at, l.session_id, l.message_id) < (@before::timestamptz, @before_session::text, @before_message::text)
ORDER BY l.asked_at DESC, l.session_id DESC, l.message_id DESC
LIMIT @max_rows::integer;

-- name: Usage :many
SELECT * FROM usage_stats
WHERE client_id = @client_id AND day >= @first_day::date AND day < @end_day::date
ORDER BY day, model;

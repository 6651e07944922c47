package postgres

import (
	"encoding/json"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// clean makes text that PostgreSQL takes: UTF-8 without NUL. Visitors and
// parsers bring both, and neither is worth losing a record over.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// clip is clean, and at most limit code points long.
func clip(s string, limit int) string {
	s = clean(s)
	count := 0
	for i := range s {
		if count == limit {
			return s[:i]
		}
		count++
	}
	return s
}

// jsonObject encodes a map for jsonb, which takes no NUL in strings either.
func jsonObject(m map[string]any) (json.RawMessage, error) {
	if m == nil {
		return json.RawMessage("{}"), nil
	}
	// Into plain values first: a NUL may hide in any type that encodes itself.
	encoded, err := json.Marshal(m)
	if err != nil {
		return nil, chatconnect.Errorf(chatconnect.KindInvalid, "invalid_value", "The metadata can't be stored.").Because(err)
	}
	if !strings.Contains(string(encoded), `\u0000`) {
		return encoded, nil
	}
	var plain any
	if err := json.Unmarshal(encoded, &plain); err != nil {
		return nil, err
	}
	return json.Marshal(withoutNUL(plain))
}

func withoutNUL(value any) any {
	switch value := value.(type) {
	case string:
		return clean(value)
	case []any:
		for i := range value {
			value[i] = withoutNUL(value[i])
		}
	case map[string]any:
		cleaned := make(map[string]any, len(value))
		for key, inner := range value {
			cleaned[clean(key)] = withoutNUL(inner)
		}
		return cleaned
	}
	return value
}

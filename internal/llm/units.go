package llm

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unit is a piece of a passage that can stand alone as an answer: a sentence,
// a list with the line that introduces it, or a row.
type unit struct {
	text    string // what is quoted
	context string // a heading or question in front of it: found by, not quoted
	cells   []cell // of a row; text is empty then
}

// cell is one "header: value" of a row.
type cell struct{ header, value string }

// maxListItems bounds how much of a list one answer quotes.
const maxListItems = 8

// unitsOf cuts a passage into units.
func unitsOf(content string) []unit {
	lines := joinWrapped(strings.Split(strings.ReplaceAll(content, "\r\n", "\n"), "\n"))
	var units []unit
	heading := ""
	var header []string // of a table written with bars
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" {
			header = nil
			continue
		}
		if cells := rowCells(line); cells != nil {
			units = append(units, unit{cells: cells, context: heading})
			continue
		}
		if columns := barColumns(line); columns != nil {
			switch {
			case isRule(columns):
			case len(header) != len(columns):
				header = columns
				// A table of one line is no table.
				if i+1 >= len(lines) || len(barColumns(lines[i+1])) != len(columns) {
					units = append(units, unit{text: strings.Join(columns, ", "), context: heading})
				}
			default:
				cells := make([]cell, len(columns))
				for c := range columns {
					cells[c] = cell{header[c], columns[c]}
				}
				units = append(units, unit{cells: cells, context: heading})
			}
			continue
		}
		header = nil
		if isHeading(line) {
			heading = strings.TrimLeft(line, "# ")
			continue
		}
		sentences := splitSentences(line)
		for s, sentence := range sentences {
			last := s == len(sentences)-1
			switch {
			case last && strings.HasSuffix(sentence, ":"):
				list, used := takeList(lines[i+1:])
				i += used
				if list == "" {
					heading = sentence
					continue
				}
				units = append(units, unit{text: sentence + " " + list, context: heading})
			case strings.HasSuffix(sentence, "?"):
				heading = questionText(sentence)
			default:
				units = append(units, unit{text: answerText(sentence), context: heading})
			}
		}
	}
	return units
}

var (
	bullet         = regexp.MustCompile(`^\s*(?:[-*•–·▪◦]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+`)
	questionPrefix = regexp.MustCompile(`^(?i)(?:q|question|frage|f|pregunta|pergunta|p)\s*\d*\s*[:.)]\s*`)
	answerPrefix   = regexp.MustCompile(`^(?i)(?:a|answer|antwort|réponse|reponse|r|respuesta|resposta)\s*\d*\s*[:.)]\s+`)
)

func questionText(s string) string { return questionPrefix.ReplaceAllString(s, "") }

func answerText(s string) string {
	return bullet.ReplaceAllString(answerPrefix.ReplaceAllString(s, ""), "")
}

// joinWrapped joins the lines that a page's width has broken.
func joinWrapped(lines []string) []string {
	var out []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if n := len(out); n > 0 && line != "" && out[n-1] != "" && wraps(out[n-1], line) {
			out[n-1] += " " + line
			continue
		}
		out = append(out, line)
	}
	return out
}

func wraps(before, line string) bool {
	if endsSentence(before) || strings.HasSuffix(before, ":") || bullet.MatchString(line) || answerPrefix.MatchString(line) ||
		questionPrefix.MatchString(line) || rowCells(line) != nil || rowCells(before) != nil ||
		barColumns(line) != nil || barColumns(before) != nil || strings.HasPrefix(before, "#") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(line)
	return unicode.IsLower(first) || utf8.RuneCountInString(before) >= 50
}

func endsSentence(s string) bool {
	s = strings.TrimRight(s, `"'”’»)]`)
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune(".!?。！？…", r)
}

// isHeading takes short lines without the end of a sentence for headings.
func isHeading(line string) bool {
	if strings.HasPrefix(line, "#") {
		return true
	}
	return !bullet.MatchString(line) && !endsSentence(line) && !strings.HasSuffix(line, ":") &&
		utf8.RuneCountInString(line) <= 60 && len(strings.Fields(line)) <= 7 && !strings.ContainsFunc(line, unicode.IsDigit)
}

// takeList reads the items that follow a line with a colon.
func takeList(lines []string) (string, int) {
	var items []string
	used := 0
	for _, line := range lines {
		if line == "" && len(items) == 0 {
			used++
			continue
		}
		if !bullet.MatchString(line) {
			break
		}
		used++
		if len(items) < maxListItems {
			items = append(items, strings.TrimRight(bullet.ReplaceAllString(line, ""), ".,;"))
		}
	}
	if len(items) == 0 {
		return "", 0
	}
	return strings.Join(items, "; ") + ".", used
}

var cellPattern = regexp.MustCompile(`^([^:;\n]{1,60}):\s*(.*)$`)

// rowCells reads "header: value; header: value"; nil if the line is no row.
func rowCells(line string) []cell {
	parts := strings.Split(line, "; ")
	if len(parts) < 2 {
		return nil
	}
	var cells []cell
	for _, part := range parts {
		part = strings.TrimRight(strings.TrimSpace(part), ";")
		m := cellPattern.FindStringSubmatch(part)
		switch {
		case m != nil && len(strings.Fields(m[1])) <= 6:
			cells = append(cells, cell{strings.TrimSpace(m[1]), strings.TrimSpace(m[2])})
		case len(cells) > 0: // a value with a semicolon in it
			cells[len(cells)-1].value += "; " + part
		default:
			return nil
		}
	}
	if len(cells) < 2 || 2*len(cells) < len(parts) {
		return nil
	}
	return cells
}

// barColumns reads "a | b | c" and tab-separated columns; nil if the line has
// fewer than two.
func barColumns(line string) []string {
	separator := "|"
	if strings.Contains(line, "\t") {
		separator = "\t"
	} else if !strings.Contains(line, " | ") {
		return nil
	}
	parts := strings.Split(strings.Trim(line, "| "), separator)
	if len(parts) < 2 {
		return nil
	}
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// isRule tells the line of dashes under a table's head.
func isRule(columns []string) bool {
	for _, c := range columns {
		if strings.Trim(c, ":-") != "" || c == "" {
			return false
		}
	}
	return true
}

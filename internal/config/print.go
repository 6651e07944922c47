package config

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"text/tabwriter"
)

// Print writes every setting with its effective value and meaning. Secrets
// are masked; of a URL's secret only the password is.
func (c Config) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	value := reflect.ValueOf(c)
	for _, field := range reflect.VisibleFields(value.Type()) {
		fmt.Fprintf(table, "%s\t%s\t# %s\n", field.Tag.Get("env"), shown(value.FieldByIndex(field.Index).Interface()), field.Tag.Get("help"))
	}
	return table.Flush()
}

func shown(value any) string {
	if secret, ok := value.(Secret); ok {
		if u, err := url.Parse(string(secret)); err == nil && u.Host != "" {
			return u.Redacted()
		}
	}
	return fmt.Sprint(value)
}

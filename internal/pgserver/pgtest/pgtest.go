//go:build unix

// Package pgtest gives every test a PostgreSQL database of its own, with the
// schema in place. It is for tests only, and imports no adapter.
//
// One cluster serves a test process; it ends with the process. Its directory
// stays in the system's temporary directory, so that the next process starts
// in a fraction of a second, and is taken by one process at a time. With
// TEST_DATABASE_URL set (a URL with superuser rights),
// databases are created there instead.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatconnect/chatconnect/internal/pgserver"
	"github.com/chatconnect/chatconnect/schema"
)

const (
	databasePrefix = "cctest_"
	templatePrefix = "cctemplate_"
	// Serialises the making of the template between processes.
	templateLock = 0x6363746d706c
	setupTimeout = 5 * time.Minute
)

// ForTest returns the URL of a fresh, migrated database, dropped when the test
// ends. Its user may do everything, and is not bound by row level security
// before it has done SET ROLE chatconnect_app.
func ForTest(t testing.TB) string {
	t.Helper()
	cluster, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return cluster.create(t, cluster.template)
}

// Runtime is the URL of the same database for the login that the product runs
// as: every test of the product has the privileges that it will have.
func Runtime(t testing.TB, databaseURL string) string {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if password, set := parsed.User.Password(); set {
		parsed.User = url.UserPassword(pgserver.RuntimeLogin, password)
	} else {
		parsed.User = url.User(pgserver.RuntimeLogin)
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if err := schema.GrantRuntime(ctx, databaseURL, parsed.String()); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return parsed.String()
}

// Empty is ForTest without the schema.
func Empty(t testing.TB) string {
	t.Helper()
	cluster, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return cluster.create(t, "template0")
}

// shared is the cluster of this process.
var shared = sync.OnceValues(func() (*cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	c := &cluster{admin: os.Getenv("TEST_DATABASE_URL")}
	if c.admin == "" {
		server, err := startAny(ctx)
		if err != nil {
			return nil, err
		}
		c.admin = server.URL("postgres")
		if err := c.dropLeftOvers(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.ensureTemplate(ctx); err != nil {
		return nil, fmt.Errorf("template database: %w", err)
	}
	return c, nil
})

type cluster struct {
	admin    string // URL of a database to give orders in
	template string
	strategy string // of CREATE DATABASE
}

// startAny starts a server in the first directory that no other process uses.
func startAny(ctx context.Context) (*pgserver.Server, error) {
	for slot := 0; ; slot++ {
		dir := filepath.Join(os.TempDir(), fmt.Sprintf("chatconnect-pgtest-%d-%d", os.Geteuid(), slot))
		options := pgserver.Options{DataDir: dir, Unsafe: true}
		server, err := pgserver.Start(ctx, options)
		var inUse *pgserver.InUseError
		switch {
		case err == nil:
			return server, nil
		case errors.As(err, &inUse):
			continue
		case errors.Is(err, pgserver.ErrNoBinaries) || ctx.Err() != nil:
			return nil, err
		}
		// Written without fsync, it may not have survived the machine's crash.
		if err := pgserver.Remove(dir); err != nil {
			if errors.As(err, &inUse) {
				continue
			}
			return nil, err
		}
		server, err = pgserver.Start(ctx, options)
		if errors.As(err, &inUse) {
			continue
		}
		return server, err
	}
}

// dropLeftOvers removes what killed processes left in our own cluster.
func (c *cluster) dropLeftOvers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, databasePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

// ensureTemplate makes the database that others are copied from, named by a
// hash of the migrations. It gets its name when it is complete.
func (c *cluster) ensureTemplate(ctx context.Context) error {
	sum, err := hashMigrations()
	if err != nil {
		return err
	}
	c.template = templatePrefix + sum

	conn, err := pgx.Connect(ctx, c.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) // and with it goes the lock
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(templateLock)); err != nil {
		return err
	}
	var version int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return err
	}
	if version >= 150000 {
		// Without fsync the old way, copying files, takes a tenth of the time.
		c.strategy = " STRATEGY file_copy"
	}
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, c.template).Scan(&exists)
	if err != nil || exists {
		return err
	}
	unfinished := c.template + "_new"
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)",
		"CREATE DATABASE " + unfinished + " TEMPLATE template0",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	target, err := c.url(unfinished)
	if err != nil {
		return err
	}
	if err := schema.Migrate(ctx, target); err != nil {
		return err
	}
	// A session that has been closed may take the server a moment to forget;
	// a database can't be renamed before.
	for {
		_, err := conn.Exec(ctx, "ALTER DATABASE "+unfinished+" RENAME TO "+c.template)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func hashMigrations() (string, error) {
	hash := sha256.New()
	migrations := schema.Migrations()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		content, err := fs.ReadFile(migrations, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(content))
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// create makes a database for the test and drops it afterwards.
func (c *cluster) create(t testing.TB, template string) string {
	t.Helper()
	name := databasePrefix + strings.ToLower(rand.Text()[:16])
	c.exec(t, "CREATE DATABASE "+name+" TEMPLATE "+template+c.strategy)
	t.Cleanup(func() { c.exec(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	databaseURL, err := c.url(name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return databaseURL
}

func (c *cluster) exec(t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.admin)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("pgtest: %s: %v", statement, err)
	}
}

// url is the admin URL for another database.
func (c *cluster) url(database string) (string, error) {
	parsed, err := url.Parse(c.admin)
	if err != nil {
		return "", fmt.Errorf("TEST_DATABASE_URL is not a URL: %w", err)
	}
	parsed.Path = "/" + database
	return parsed.String(), nil
}

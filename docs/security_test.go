package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asvs lists every requirement of levels 1 and 2 of OWASP ASVS 5.0.0, in its
// order.
var asvs = strings.Fields(`
	1.1.1 1.1.2 1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.2.6 1.2.7 1.2.8 1.2.9
	1.3.1 1.3.2 1.3.3 1.3.4 1.3.5 1.3.6 1.3.7 1.3.8 1.3.9 1.3.10 1.3.11 1.4.1 1.4.2 1.4.3 1.5.1 1.5.2
	2.1.1 2.1.2 2.1.3 2.2.1 2.2.2 2.2.3 2.3.1 2.3.2 2.3.3 2.3.4 2.4.1
	3.2.1 3.2.2 3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.5.1 3.5.2 3.5.3 3.5.4 3.5.5 3.7.1 3.7.2
	4.1.1 4.1.2 4.1.3 4.2.1 4.3.1 4.3.2 4.4.1 4.4.2 4.4.3 4.4.4
	5.1.1 5.2.1 5.2.2 5.2.3 5.3.1 5.3.2 5.4.1 5.4.2 5.4.3
	6.1.1 6.1.2 6.1.3 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.1 6.3.2 6.3.3 6.3.4
	6.4.1 6.4.2 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4
	7.1.1 7.1.2 7.1.3 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2
	8.1.1 8.1.2 8.2.1 8.2.2 8.2.3 8.3.1 8.4.1 9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4
	10.1.1 10.1.2 10.2.1 10.2.2 10.3.1 10.3.2 10.3.3 10.3.4
	10.4.1 10.4.2 10.4.3 10.4.4 10.4.5 10.4.6 10.4.7 10.4.8 10.4.9 10.4.10 10.4.11
	10.5.1 10.5.2 10.5.3 10.5.4 10.5.5 10.6.1 10.6.2 10.7.1 10.7.2 10.7.3
	11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.1 11.3.2 11.3.3 11.4.1 11.4.2 11.4.3 11.4.4 11.5.1 11.6.1
	12.1.1 12.1.2 12.1.3 12.2.1 12.2.2 12.3.1 12.3.2 12.3.3 12.3.4
	13.1.1 13.2.1 13.2.2 13.2.3 13.2.4 13.2.5 13.3.1 13.3.2 13.4.1 13.4.2 13.4.3 13.4.4 13.4.5
	14.1.1 14.1.2 14.2.1 14.2.2 14.2.3 14.2.4 14.3.1 14.3.2 14.3.3
	15.1.1 15.1.2 15.1.3 15.2.1 15.2.2 15.2.3 15.3.1 15.3.2 15.3.3 15.3.4 15.3.5 15.3.6 15.3.7
	16.1.1 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3
	17.1.1 17.2.1 17.2.2 17.2.3 17.2.4 17.3.1 17.3.2`)

var (
	verdictRow = regexp.MustCompile(`(?m)^\| (\d+\.[^|]*) \|[^|]*\| (met|partly|not met|n/a) \| [^|]{3,} \|$`)
	totalRow   = regexp.MustCompile(`(?m)^\| (met|partly|not met|n/a) \| (\d+) \|`)
)

// requirements returns the ids that a cell names: one, several after commas,
// and all between two with a dash.
func requirements(t *testing.T, cell string) (ids []string) {
	t.Helper()
	for part := range strings.SplitSeq(cell, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "–")
		from := slices.Index(asvs, first)
		require.GreaterOrEqual(t, from, 0, "%q is no requirement of level 1 or 2", first)
		to := from
		if isRange {
			to = slices.Index(asvs, last)
			require.Greater(t, to, from, cell)
		}
		ids = append(ids, asvs[from:to+1]...)
	}
	return ids
}

func TestEveryRequirementOfASVSHasOneVerdict(t *testing.T) {
	t.Parallel()
	require.Len(t, asvs, 253)
	page := read(t, "security-asvs.md")
	verdicts, totals := map[string]string{}, map[string]int{}
	for _, row := range verdictRow.FindAllStringSubmatch(page, -1) {
		for _, id := range requirements(t, row[1]) {
			require.NotContains(t, verdicts, id, "two verdicts")
			verdicts[id] = row[2]
			totals[row[2]]++
		}
	}
	for _, id := range asvs {
		if verdicts[id] == "" {
			t.Errorf("security-asvs.md has no verdict on %s", id)
		}
	}
	said := map[string]int{}
	for _, row := range totalRow.FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(row[2])
		require.NoError(t, err)
		said[row[1]] = n
	}
	require.Equal(t, totals, said, "the totals at the top of security-asvs.md")
}

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	testName = regexp.MustCompile(`^Test[A-Z]\w*$`)
	fileName = regexp.MustCompile(`^[\w.][\w.-]*(/[\w.-]+)*\.(go|mjs|js|ts|md|yml|yaml|sql|sh|lua)$`)
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// The pages about security rest on files and tests; a claim whose file or test
// is gone must be looked at again.
func TestSecurityNamesFilesAndTestsThatExist(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules" || entry.Name() == "bin" || entry.Name() == ".chatconnect"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for _, m := range testFunc.FindAllStringSubmatch(read(t, path), -1) {
			tests[m[1]] = true
		}
		return nil
	})
	require.NoError(t, err)
	named := 0
	for _, page := range []string{"security.md", "security-asvs.md", "../SECURITY.md"} {
		for _, m := range quoted.FindAllStringSubmatch(read(t, page), -1) {
			switch name := m[1]; {
			case testName.MatchString(name):
				named++
				if !tests[name] {
					t.Errorf("%s names the test %s, which there is not", page, name)
				}
			case fileName.MatchString(name):
				named++
				if _, err := os.Stat(filepath.Join("..", name)); err != nil {
					t.Errorf("%s names the file %s: %v", page, name, err)
				}
			}
		}
	}
	require.Greater(t, named, 100)
}

// Package password judges and hashes the passwords of accounts. It is the one
// home of both rules, for the API and the command line.
package password

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Limits of a password, code points after NFC.
const (
	MinLength = 8
	MaxLength = 200
)

// minWord is the shortest word that a password is searched for.
const minWord = 3

// product is a word that a guesser tries first, here.
const product = "chatconnect"

// commonList is Django's list of the 19,640 commonest passwords, in lower case
// (django/contrib/auth/common-passwords.txt.gz of Django 5.2.19, BSD-3-Clause,
// see data/LICENSE.django; compiled by Royce Williams from published leaks).
//
//go:embed data/common-passwords.txt.gz
var commonList []byte

// common are the listed ones that are long enough to be asked for.
var common = sync.OnceValue(func() map[string]struct{} {
	list := map[string]struct{}{}
	unpacked, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic(err) // part of the binary; a test reads it
	}
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		if line := lines.Text(); utf8.RuneCountInString(line) >= MinLength {
			list[line] = struct{}{}
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	return list
})

// Check refuses a password of the wrong length, a common one, and one that
// little is left of without the words of the account's address and name. The
// email is normalized. It is for setting a password, never for logging in.
func Check(password, email, name string) error {
	password = norm.NFC.String(password)
	if n := utf8.RuneCountInString(password); n < MinLength || n > MaxLength {
		return chatconnect.Errorf(chatconnect.KindInvalid, "password_invalid", "A password has %d to %d characters.", MinLength, MaxLength)
	}
	folded := fold(password)
	if _, found := common()[folded]; found {
		return chatconnect.Errorf(chatconnect.KindInvalid, "password_common",
			"This password is one of the first that anybody tries. Choose another, for example four words that don't belong together.")
	}
	for _, word := range words(email, name) {
		folded = strings.ReplaceAll(folded, word, "")
	}
	if utf8.RuneCountInString(folded) < min(MinLength, utf8.RuneCountInString(password)) {
		return chatconnect.Errorf(chatconnect.KindInvalid, "password_personal",
			"This password is made of your email address, your name or the name of this product. Choose another, for example four words that don't belong together.")
	}
	return nil
}

// words are those that a guesser who knows the account would try, longest
// first where one holds another.
func words(email, name string) []string {
	local, domain, _ := strings.Cut(email, "@")
	suffix, _ := publicsuffix.PublicSuffix(domain)
	site := strings.TrimSuffix(strings.TrimSuffix(domain, suffix), ".")
	found := []string{product}
	for _, whole := range []string{email, local, domain, site, name} {
		whole = fold(whole)
		found = append(found, whole, strings.Join(split(whole), ""))
	}
	for _, whole := range []string{local, site, name} {
		found = append(found, split(fold(whole))...)
	}
	kept := found[:0]
	for _, word := range found {
		if utf8.RuneCountInString(word) >= minWord {
			kept = append(kept, word)
		}
	}
	return kept
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// fold makes passwords and words comparable.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

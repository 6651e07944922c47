package vector

import "strings"

// stopWords are function words without diacritics, as fold leaves them. The
// list is short on purpose: IDF already gives frequent words little weight,
// and a word dropped can't be searched for. It exists for the words of
// questions ("what is the …"), which would otherwise count as matches. Words
// that carry meaning in one of the other languages (die, war, not, no, me,
// come, son, per, an, will, can, man, bin, hat) are left in.
var stopWords = func() map[string]bool {
	words := map[string]bool{}
	for _, list := range []string{
		// English
		"a and are as at be been but by did do does for from had has have how i if in into is it its my of on or our so that the their them then there these they this those to was we were what when where which who whom whose why with would you your s t d m ll re ve",
		// German
		"aber als am auch auf aus bei das dass dem den der des du ein eine einem einen einer eines er es fur haben ich ihr im ist kann mein mit nach oder sich sie sind uber um und uns von vom wann warum was welche welcher welches wenn wer wie wir wird wo zu zum zur",
		// French
		"au aux avec ce ces cette comment dans de des du elle en est et il je la le les leur ma mes mon nous ou par pas pourquoi quand que quel quelle quels quelles qui quoi sa ses sont sur un une vous l n c j qu",
		// Spanish, Portuguese and Italian
		"al como con cual cuales cuando del donde el esta este los las lo mi para por que quien se su sus una unos unas y o e os um uma do da dos das em na nos nas com como qual quando onde il gli della delle dello degli di che chi cosa dove nel nella sono",
	} {
		for _, word := range strings.Fields(list) {
			words[word] = true
		}
	}
	return words
}()

package pdf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParagraphs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"full lines are joined": {
			"Late returns\r\nA bicycle that comes back late costs 3.50 euros for each day. After ten days\r\nthe deposit is kept and the membership is suspended until the bicycle has been\r\nreturned.\r\nTheft\r\n",
			"Late returns\nA bicycle that comes back late costs 3.50 euros for each day. After ten days the deposit is kept and the membership is suspended until the bicycle has been returned.\nTheft",
		},
		"table rows stay apart": {"Bicycle Deposit\r\nCity bicycle 80 euros\r\nCargo bicycle 250 euros\r\n", "Bicycle Deposit\nCity bicycle 80 euros\nCargo bicycle 250 euros"},
		"narrow column":         {"inspected before it is\r\nhanded out by one of the\r\nmechanics.\r\n", "inspected before it is handed out by one of the mechanics."},
		"list items":            {"We expect all of the following from every one of our members:\r\n• Pump the tyres to four and a half bar before every single ride\r\n• Oil the chain every two hundred kilometres with the green oil\r\n", "We expect all of the following from every one of our members:\n• Pump the tyres to four and a half bar before every single ride\n• Oil the chain every two hundred kilometres with the green oil"},
		"hyphens":               {"the inspec\x02\r\ntion and the exist\u2010\r\ning damage at 14\u201016 Street", "the inspection and the existing damage at 14‐16 Street"},
		"hyphen kept":           {"the Müller\u2010\r\nLüdenscheid", "the Müller-Lüdenscheid"},
		"ligatures":             {"the o\ufb03ce of \ufb01nance", "the office of finance"},
		"scripts without space": {"図書館は月曜日から金曜日まで開いています。本は二週間借りるこ\r\nとができます。返却はカウンターでお願いします。", "図書館は月曜日から金曜日まで開いています。本は二週間借りることができます。返却はカウンターでお願いします。"},
		"nothing":               {"\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, paragraphs(c.in))
		})
	}
}

func TestSectionsSplit(t *testing.T) {
	t.Parallel()
	s := newSections([]entry{
		{1, "Handbook", "Handbook"},
		{1, "1 Loans and returns", "Handbook > 1 Loans and returns"},
		{2, "Not on the page", "Handbook > Not on the page"},
		{2, "Theft", "Handbook > Theft"},
	})
	require.Equal(t, []part{
		{"", "Cover"},
		{"Handbook", "All about it."},
		{"Handbook > 1 Loans and returns", "Fourteen days."},
	}, s.split(1, "Cover\nHandbook\nAll about it.\nLoans and\nreturns\nFourteen days."))
	require.Equal(t, []part{
		{"Handbook > 1 Loans and returns", "More of the same; theft is another matter."},
		{"Handbook > Theft", "Call us."},
	}, s.split(2, "More of the same; theft is another matter.\nTHEFT\nCall us."))
	require.Equal(t, []part{{"Handbook > Theft", "At once."}}, s.split(3, "At once."))
}

package llm

import "strings"

// language is an ISO 639-1 code of a language that has sentences here.
type language string

const (
	english    language = "en"
	german     language = "de"
	french     language = "fr"
	spanish    language = "es"
	portuguese language = "pt"
)

var languages = []language{english, german, french, spanish, portuguese}

// stopLists are words that say nothing about what a text is about, question
// words among them, as words() writes them: without accents.
var stopLists = map[language]string{
	english: `a about after all also am an and any are as at be because been before being between both but by can could
		did do does doing don down during each else ever few for from further get gets give given gives go goes got had has have
		having he her here hers him his how i if in into is it its just let like me more most much many must my need no nor not
		of off on once only or other our ours out over own per please really s same shall she should so some such t take takes tell than that
		the their theirs them then there these they this those through to too under until up us very want was we were what
		when where which while who whom whose why will with would yet you your yours hello hi thanks thank know whats wheres whos hows im dont ok okay
		happen happens find long see make made use used one ask question`,
	german: `aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bitte bist da damit
		dann das dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine
		einem einen einer eines er es etwas euch euer eure fur gegen gibt habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen
		ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kannst konnen konnte man mehr mein meine
		meinem meinen meiner mich mir mit muss mussen nach nein nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen
		seiner selbst sich sie sind so soll sollen sollte sondern sonst uber um und uns unser unsere unter viel viele vom von vor wahrend
		wann war waren warum was wegen weil welche welchem welchen welcher welches wenn wer werde werden wie wieder will wir wird wirst
		wo wollen worden wurde wurden zu zum zur zwischen lange lang machen mache macht hallo danke moglich muss darf durfen geht bekomme bekommen`,
	french: `ai alors as au aucun aussi autre aux avec avez avoir avons c ce ceci cela celle ces cet cette ceux chaque ci comme
		comment d dans de des doit doivent donc du elle elles en encore est et etait ete etre eu fait faire faut font ici il ils j je l la
		le les leur leurs lui m ma mais me meme mes moi mon n ne ni nos notre nous on ont ou par pas peu peut peuvent peux plus plusieurs
		pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur t ta te tes toi ton
		tous tout toute toutes tres tu un une vers veux vos votre vous y combien temps bonjour merci puis-je dure`,
	spanish: `a al algo alguna algunas alguno algunos ante antes aqui asi aun bajo bien cada como con contra cual cuales cuando
		cuanta cuantas cuanto cuantos de del desde donde dos durante e el ella ellas ellos en entre era eran es esa esas ese eso esos
		esta estaba estan estar estas este esto estos fue ha hace hacer hacia han hasta hay la las le les lo los mas me mi mis mucho
		muy nada ni no nos nosotros nuestra nuestro o os otra otro para pero poco por porque pues que quien quienes se sea segun ser si
		sido sin sobre son su sus tal tambien tan tanto te tengo tiene tienen todo todos tu tus un una uno unos usted ustedes va y ya yo
		puedo puede pueden hola gracias tiempo tarda debo`,
	portuguese: `a ao aos aquela aquele aquilo as ate com como da das de dela dele depois do dos e ela elas ele eles em entre era
		essa essas esse esses esta estao estas este estes eu foi foram ha isso isto ja la lhe lhes mais mas me mesmo meu meus minha
		minhas muito muitos na nao nas nem no nos nossa nosso num numa o onde os ou para pela pelas pelo pelos por porque posso pode
		podem qual quais quando quanta quantas quanto quantos que quem sao se sem ser seu seus so sua suas sobre tambem te tem tenho ter
		teu toda todas todo todos tu tua um uma umas uns voce voces ola obrigado obrigada tempo devo`,
}

// stopWords joins the lists.
var stopWords = func() map[string]bool {
	set := map[string]bool{}
	for _, list := range stopLists {
		for _, w := range strings.Fields(list) {
			set[w] = true
		}
	}
	return set
}()

// stopSets are the lists one by one, to tell languages apart.
var stopSets = func() map[language]map[string]bool {
	sets := map[language]map[string]bool{}
	for lang, list := range stopLists {
		sets[lang] = map[string]bool{}
		for _, w := range strings.Fields(list) {
			sets[lang][w] = true
		}
	}
	return sets
}()

// letters that only one of the languages uses.
var ownLetters = map[language]string{german: "ßäüö", spanish: "ñ¿¡", portuguese: "ãõ", french: "œèùêûîë"}

// languageOf tells a question's language by its stop words and letters. It
// says English unless another language is clearly ahead.
func languageOf(question string) language {
	scores := map[language]int{}
	for _, w := range words(question) {
		for _, lang := range languages {
			if stopSets[lang][w] {
				scores[lang]++
			}
		}
	}
	lower := strings.ToLower(question)
	for lang, letters := range ownLetters {
		if strings.ContainsAny(lower, letters) {
			scores[lang] += 2
		}
	}
	best, second := english, -1
	for _, lang := range languages[1:] {
		if scores[lang] > scores[best] {
			best = lang
		}
	}
	for _, lang := range languages {
		if lang != best {
			second = max(second, scores[lang])
		}
	}
	if scores[best] <= second {
		return english
	}
	return best
}

// dontKnow says in one sentence that the documents don't hold the answer.
func dontKnow(lang language) string {
	switch lang {
	case german:
		return "Dazu habe ich in den Dokumenten leider nichts gefunden."
	case french:
		return "Je n'ai malheureusement rien trouvé à ce sujet dans les documents."
	case spanish:
		return "Lo siento, no he encontrado nada sobre eso en los documentos."
	case portuguese:
		return "Infelizmente, não encontrei nada sobre isso nos documentos."
	default:
		return "I'm sorry, I could not find anything about that in the documents."
	}
}

// noRules is said instead of the rules.
func noRules(lang language) string {
	switch lang {
	case german:
		return "Ich beantworte Fragen zu den Dokumenten dieser Website. Was möchten Sie wissen?"
	case french:
		return "Je réponds aux questions sur les documents de ce site. Que souhaitez-vous savoir ?"
	case spanish:
		return "Respondo preguntas sobre los documentos de este sitio web. ¿Qué le gustaría saber?"
	case portuguese:
		return "Respondo a perguntas sobre os documentos deste site. O que gostaria de saber?"
	default:
		return "I answer questions about this website's documents. What would you like to know?"
	}
}

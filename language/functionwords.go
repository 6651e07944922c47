package language

// functionWords are words that say nothing about what a text is about,
// question words among them: lower-case, without accents, ı as i and ł as l. A
// text with many of a language's is in that language.
var functionWords = map[Locale]string{
	English: `a about after all also am an and any are as at be because been before being between both but by can could
		did do does doing don down during each else ever few for from further get gets give given gives go goes got had has have
		having he her here hers him his how i if in into is it its just let like me more most much many must my need no nor not
		of off on once only or other our ours out over own per please really s same shall she should so some such t take takes tell than that
		the their theirs them then there these they this those through to too under until up us very want was we were what
		when where which while who whom whose why will with would yet you your yours hello hi thanks thank know whats wheres whos hows im dont ok okay
		happen happens find long see make made use used one ask question`,
	German: `aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bitte bist da damit
		dann das dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine
		einem einen einer eines er es etwas euch euer eure fur gegen gibt habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen
		ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kannst konnen konnte man mehr mein meine
		meinem meinen meiner mich mir mit muss mussen nach nein nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen
		seiner selbst sich sie sind so soll sollen sollte sondern sonst uber um und uns unser unsere unter viel viele vom von vor wahrend
		wann war waren warum was wegen weil welche welchem welchen welcher welches wenn wer werde werden wie wieder will wir wird wirst
		wo wollen worden wurde wurden zu zum zur zwischen lange lang machen mache macht hallo danke moglich muss darf durfen geht bekomme bekommen`,
	French: `ai alors as au aucun aussi autre aux avec avez avoir avons c ce ceci cela celle ces cet cette ceux chaque ci comme
		comment d dans de des doit doivent donc du elle elles en encore est et etait ete etre eu fait faire faut font ici il ils j je l la
		le les leur leurs lui m ma mais me meme mes moi mon n ne ni nos notre nous on ont ou par pas peu peut peuvent peux plus plusieurs
		pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur t ta te tes toi ton
		tous tout toute toutes tres tu un une vers veux vos votre vous y combien temps bonjour merci puis-je dure`,
	Spanish: `a al algo alguna algunas alguno algunos ante antes aqui asi aun bajo bien cada como con contra cual cuales cuando
		cuanta cuantas cuanto cuantos de del desde donde dos durante e el ella ellas ellos en entre era eran es esa esas ese eso esos
		esta estaba estan estar estas este esto estos fue ha hace hacer hacia han hasta hay la las le les lo los mas me mi mis mucho
		muy nada ni no nos nosotros nuestra nuestro o os otra otro para pero poco por porque pues que quien quienes se sea segun ser si
		sido sin sobre son su sus tal tambien tan tanto te tengo tiene tienen todo todos tu tus un una uno unos usted ustedes va y ya yo
		puedo puede pueden hola gracias tiempo tarda debo`,
	Portuguese: `a ao aos aquela aquele aquilo as ate com como da das de dela dele depois do dos e ela elas ele eles em entre era
		essa essas esse esses esta estao estas este estes eu foi foram ha isso isto ja la lhe lhes mais mas me mesmo meu meus minha
		minhas muito muitos na nao nas nem no nos nossa nosso num numa o onde os ou para pela pelas pelo pelos por porque posso pode
		podem qual quais quando quanta quantas quanto quantos que quem sao se sem ser seu seus so sua suas sobre tambem te tem tenho ter
		teu toda todas todo todos tu tua um uma umas uns voce voces ola obrigado obrigada tempo devo`,
	Italian: `a ad al alla alle allo ai agli anche ancora avere c che chi ci ciao come con cosa cui da dal dalla dalle dei del della delle
		degli di dove dopo durante e ed era essere gli grazie ha hai hanno ho i il in io l la le lei loro lo ma mi mia mie mio miei molto nel nella
		nelle nei negli nessuno noi non nostra nostro ogni ora per perche piu poi posso puo possono quale quali quando quanta quante quanti
		quanto quella quelle quelli quello questa queste questi questo qui se sei si siete sono sua sue suo su sul sulla sulle tra tu tua tuo
		tutta tutte tutti tutto un una uno vi voi volete vorrei vostra vostro buongiorno costa`,
	Dutch: `aan al alle als ben bij daar dan dat de deze die dit doe doen door een en er ga geen haar hallo heb hebben heeft het
		hier hij hoe hoeveel hun ik in is ja je jij jouw jullie kan kunnen kun maar mag me meer met mij mijn moet moeten na naar nee niet nog nu of om
		onder ons onze ook op over te tegen toch tot u uit uw van veel voor waar waarom wanneer waren was wat we wel welke wie wij wil worden
		wordt zal ze zich zij zijn zo zonder zou bedankt dank graag lang`,
	Polish: `a ale bez bo bardzo by byc byl byla bylo bym chce chcialbym chcialabym czy co dla do dlaczego gdzie go i ich ile im ja jak
		jaka jaki jakie jako jest jestem jeszcze jezeli jesli juz kiedy ktora ktore ktory kto ma macie mam mi mnie moge moj moja moje mozna moze
		musze na nad nam nas nie nic niz o od on ona one oni oraz po pod poniewaz przed przez przy sa sie swoj ta tak tam te tego
		tej ten to tu tylko u w was we wiele wy z za ze zeby dziekuje czesc prosze dzien dobry dlugo kosztuje`,
	Turkish: `acaba ama ancak bana bazi belki ben beni benim bir biri birkac biz bize bizim bu bunlar bunu cok cunku da daha de degil diye en
		eger fakat gibi hangi hem hep hepsi her hic icin ile ise iyi kac kadar ki kim kimin mi mu nasil ne neden nedir nerede nereye
		niye o olan olarak olur onlar onu sen senin siz size sizin su tum var ve veya ya yok zaman merhaba tesekkurler misiniz
		musunuz miyim yapabilirim istiyorum lutfen fiyati`,
}

// tellingWords tell a language as well, though they say something.
var tellingWords = map[Locale]string{
	English:    `please opening hours price cost shipping`,
	German:     `kostet versand offnungszeiten preis`,
	French:     `coute livraison horaires prix`,
	Spanish:    `cuesta envio horarios precio gustaria`,
	Portuguese: `custa deste desta gostaria preco prazo`,
	Italian:    `numero prezzo orari spedizione`,
}

package smalltalk

import (
	"testing"

	"github.com/chatconnect/chatconnect/language"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		kind   Kind
		locale language.Locale
	}{
		// Greetings.
		{"hi", Greeting, "en"}, {"Hello!", Greeting, "en"}, {"hey there :)", Greeting, "en"}, {"Good morning", Greeting, "en"},
		{"hellooo", Greeting, "en"}, {"Hi team, good evening!", Greeting, "en"}, {"is anyone there?", Greeting, "en"},
		{"👋", Greeting, "en"}, {"Hallo zusammen", Greeting, "de"}, {"Guten Tag", Greeting, "de"}, {"Grüß Gott!", Greeting, "de"}, {"moin", Greeting, "de"},
		{"Bonjour", Greeting, "fr"}, {"Salut !", Greeting, "fr"}, {"¡Hola! ¿Qué tal?", HowAreYou, "es"}, {"buenos días", Greeting, "es"},
		{"Olá, bom dia", Greeting, "pt"}, {"Oi", Greeting, "pt"}, {"Buongiorno a tutti", Greeting, "it"}, {"Goedemorgen", Greeting, "nl"},
		{"Cześć", Greeting, "pl"}, {"Dzień dobry!", Greeting, "pl"}, {"Привет", Greeting, "ru"}, {"Здравствуйте, добрый день", Greeting, "ru"},
		{"Привіт!", Greeting, "uk"}, {"Merhaba", Greeting, "tr"}, {"İyi günler", Greeting, "tr"}, {"مرحبا", Greeting, "ar"},
		{"السلام عليكم ورحمة الله", Greeting, "ar"}, {"你好", Greeting, "zh"}, {"您好！在吗？", Greeting, "zh"}, {"早上好", Greeting, "zh"},
		{"こんにちは", Greeting, "ja"}, {"はじめまして。よろしくお願いします。", Greeting, "ja"}, {"안녕하세요", Greeting, "ko"}, {"안녕 하세요~", Greeting, "ko"},
		{"God morgon", Greeting, "en"}, {"Ahoj", Greeting, "en"}, {"Καλημέρα", Greeting, "en"}, {"שלום", Greeting, "en"}, {"สวัสดีครับ", Greeting, "en"}, {"नमस्ते", Greeting, "en"}, {"Xin chào", Greeting, "en"},
		// Thanks.
		{"thanks", Thanks, "en"}, {"Thank you so much for your help!", Thanks, "en"}, {"ok thanks", Thanks, "en"}, {"thx 🙏", Thanks, "en"}, {"no thanks, that's all", Thanks, "en"},
		{"Vielen Dank für die schnelle Antwort", Thanks, "de"}, {"Super, danke!", Thanks, "de"}, {"Merci beaucoup", Thanks, "fr"}, {"muchas gracias por la información", Thanks, "es"},
		{"Obrigada!", Thanks, "pt"}, {"grazie mille", Thanks, "it"}, {"Hartelijk dank", Thanks, "nl"}, {"Dziękuję bardzo", Thanks, "pl"}, {"спасибо большое", Thanks, "ru"},
		{"Щиро дякую", Thanks, "uk"}, {"teşekkür ederim", Thanks, "tr"}, {"شكراً جزيلاً", Thanks, "ar"}, {"谢谢你的帮助", Thanks, "zh"}, {"ありがとうございました", Thanks, "ja"}, {"감사합니다!", Thanks, "ko"}, {"🙏", Thanks, "en"},
		// Farewells.
		{"bye", Goodbye, "en"}, {"Thanks, have a nice day!", Goodbye, "en"}, {"Auf Wiedersehen", Goodbye, "de"}, {"Tschüss und danke", Goodbye, "de"}, {"Au revoir, bonne journée", Goodbye, "fr"},
		{"hasta luego", Goodbye, "es"}, {"tchau", Goodbye, "pt"}, {"Arrivederci", Goodbye, "it"}, {"tot ziens", Goodbye, "nl"}, {"До свидания!", Goodbye, "ru"}, {"再见", Goodbye, "zh"}, {"さようなら", Goodbye, "ja"}, {"안녕히 계세요", Goodbye, "ko"}, {"مع السلامة", Goodbye, "ar"},
		// Small talk proper.
		{"How are you today?", HowAreYou, "en"}, {"what's up", HowAreYou, "en"}, {"Wie geht's?", HowAreYou, "de"}, {"Comment ça va ?", HowAreYou, "fr"}, {"Tudo bem?", HowAreYou, "pt"}, {"Как дела?", HowAreYou, "ru"}, {"你好吗？", HowAreYou, "zh"}, {"お元気ですか", HowAreYou, "ja"}, {"잘 지내세요?", HowAreYou, "ko"}, {"كيف حالك؟", HowAreYou, "ar"}, {"Nasılsınız?", HowAreYou, "tr"},
		{"Who are you?", Identity, "en"}, {"are you a bot?", Identity, "en"}, {"Are you a real person or a robot?", Identity, "en"}, {"Bist du ein Mensch?", Identity, "de"}, {"Es-tu un robot ?", Identity, "fr"}, {"¿Eres un robot o una persona?", Identity, "es"}, {"Ты бот?", Identity, "ru"}, {"你是机器人吗？", Identity, "zh"}, {"あなたは人間ですか？", Identity, "ja"}, {"사람인가요?", Identity, "ko"}, {"هل أنت روبوت؟", Identity, "ar"}, {"Sei un bot?", Identity, "it"},
		{"help", About, "en"}, {"What can you do?", About, "en"}, {"I have a question", About, "en"}, {"???", About, "en"}, {"Ich habe eine Frage", About, "de"}, {"Aidez-moi svp", About, "fr"}, {"帮帮我", About, "zh"}, {"質問があります", About, "ja"}, {"Помогите, пожалуйста", About, "ru"},
		{"ok", Acknowledgement, "en"}, {"👍", Acknowledgement, "en"}, {"Great, got it", Acknowledgement, "en"}, {"😂😂", Acknowledgement, "en"}, {"alles klar", Acknowledgement, "de"}, {"d'accord", Acknowledgement, "fr"}, {"好的", Acknowledgement, "zh"}, {"わかりました", Acknowledgement, "ja"}, {"понятно", Acknowledgement, "ru"}, {":-)", Acknowledgement, "en"},
		// Requests for a person.
		{"can I talk to a human?", Handoff, "en"}, {"Can I talk to a human about my refund?", Handoff, "en"}, {"I want to speak to a real person please", Handoff, "en"}, {"agent", Handoff, "en"}, {"Please connect me to customer support", Handoff, "en"},
		{"Hi, could someone call me back?", Handoff, "en"}, {"I'd like to speak with a representative", Handoff, "en"}, {"live agent please", Handoff, "en"}, {"My parcel never arrived. I want to speak to a human!", Handoff, "en"}, {"Is there a real person I can talk to?", Handoff, "en"}, {"I don't want to talk to a bot", Handoff, "en"}, {"transfer me to an agent", Handoff, "en"},
		{"Kann ich mit einem Menschen sprechen?", Handoff, "de"}, {"Ich möchte mit einem Mitarbeiter reden wegen meiner Rechnung", Handoff, "de"}, {"Bitte rufen Sie mich zurück", Handoff, "de"}, {"Verbinden Sie mich bitte mit einem Mitarbeiter", Handoff, "de"},
		{"Je voudrais parler à un conseiller", Handoff, "fr"}, {"Puis-je parler à une vraie personne ?", Handoff, "fr"}, {"Quiero hablar con una persona", Handoff, "es"}, {"¿Puedo hablar con un agente humano, por favor?", Handoff, "es"}, {"Quero falar com um atendente", Handoff, "pt"}, {"Posso falar com alguém?", Handoff, "pt"},
		{"Vorrei parlare con un operatore", Handoff, "it"}, {"Ik wil graag met een medewerker spreken", Handoff, "nl"}, {"Chcę rozmawiać z konsultantem", Handoff, "pl"}, {"Позовите оператора", Handoff, "ru"}, {"Хочу поговорить с живым человеком", Handoff, "ru"}, {"Можна поговорити з людиною?", Handoff, "uk"},
		{"Müşteri temsilcisiyle görüşmek istiyorum", Handoff, "tr"}, {"أريد التحدث مع موظف", Handoff, "ar"}, {"هل يمكنني التحدث إلى شخص حقيقي؟", Handoff, "ar"}, {"转人工", Handoff, "zh"}, {"我想和真人聊天", Handoff, "zh"}, {"请帮我转接人工客服", Handoff, "zh"}, {"担当者と話したいです", Handoff, "ja"}, {"オペレーターにつないでください", Handoff, "ja"}, {"상담원 연결해 주세요", Handoff, "ko"}, {"사람이랑 얘기하고 싶어요", Handoff, "ko"},
		// What only looks like it.
		{"hi, what are your opening hours?", None, ""}, {"Thanks. And how much is shipping?", None, ""}, {"Good morning, do you deliver on Sundays?", None, ""}, {"What is your phone number?", None, ""}, {"How can I contact customer service?", None, ""},
		{"Who is your human resources manager?", None, ""}, {"Can I talk to a human resources manager", None, ""}, {"What does an estate agent cost?", None, ""}, {"agent fees", None, ""}, {"How are you different from other shops?", None, ""}, {"Is the Bye Bye Baby pram in stock?", None, ""},
		{"Who are your suppliers?", None, ""}, {"help with returns", None, ""}, {"What can I do if it breaks?", None, ""}, {"thank you card price", None, ""}, {"Are you open?", None, ""}, {"Are you a member of the chamber of commerce?", None, ""}, {"Do you sell the Hello Kitty mug?", None, ""}, {"yes", None, ""}, {"no", None, ""}, {"good day spa prices", None, ""}, {"great white shark", None, ""}, {"42", None, ""}, {"price?", None, ""},
		{"When can someone call a doctor?", None, ""}, {"Call me Al by Paul Simon", None, ""}, {"Can someone call me a taxi at the hotel?", None, ""}, {"I need a person of contact for invoices in writing", None, ""}, {"operator manual", None, ""}, {"Is it a perfect fit?", None, ""}, {"Do I have to talk to a human to cancel?", None, ""},
		{"Wie kann ich den Kundenservice erreichen?", None, ""}, {"¿Cómo puedo contactar con atención al cliente?", None, ""}, {"Как связаться с поддержкой?", None, ""}, {"如何联系客服？", None, ""},
		{"Wie kann ich mit einem Menschen sprechen?", Handoff, "de"}, {"How do I speak to a real person?", Handoff, "en"},
		{"Hallo, was kostet der Versand?", None, ""}, {"Danke, und wie lange ist die Garantie?", None, ""}, {"Wie viele Mitarbeiter hat die Firma?", None, ""}, {"Guten Appetit Gutschein", None, ""}, {"Wie geht das mit der Rückgabe?", None, ""}, {"Was kann ich reklamieren?", None, ""}, {"Mitarbeiter Rabatt", None, ""},
		{"Bonjour, quels sont vos horaires ?", None, ""}, {"Comment contacter le service client ?", None, ""}, {"Hola, ¿cuánto cuesta el envío?", None, ""}, {"¿Quién eres tú en la empresa de Juan?", None, ""}, {"Olá, qual é o prazo de entrega?", None, ""}, {"Buongiorno, quanto costa la spedizione?", None, ""},
		{"Привет, сколько стоит доставка?", None, ""}, {"Как дела с моим заказом?", None, ""}, {"Dzień dobry, ile kosztuje dostawa?", None, ""}, {"Merhaba, kargo ücreti ne kadar?", None, ""}, {"مرحبا، ما هي ساعات العمل؟", None, ""}, {"你好，请问运费多少？", None, ""}, {"谢谢，那退货怎么办？", None, ""}, {"你们的人工费是多少？", None, ""},
		{"こんにちは、送料はいくらですか？", None, ""}, {"ありがとう。返品はできますか？", None, ""}, {"안녕하세요, 배송비가 얼마인가요?", None, ""}, {"사람이 몇 명 탈 수 있나요?", None, ""},
	} {
		kind, locale := Recognise(tt.text, language.Context{})
		if tt.kind != kind || tt.locale != locale {
			t.Errorf("%q: %s %s, want %s %s", tt.text, kind, locale, tt.kind, tt.locale)
		}
	}
}

"""Writes stock.csv: 120 rows as Excel in German writes them, semicolons,
decimal commas, quotes, CRLF, windows-1252."""
import sys

kinds = ["Sattel", "Kette", "Schlauch", "Bremsbelag", "Klingel", "Rücklicht"]
places = ["Regal A", "Regal B", "Keller; links", "Tresor"]
rows = ['Artikelnummer;Bezeichnung;Lagerort;Bestand;Preis €;Bemerkung']
for i in range(1, 121):
    kind, place = kinds[i % len(kinds)], places[i % len(places)]
    if ";" in place:
        place = '"%s"' % place
    note = ""
    if i == 17:
        note = '"sog. ""Komfort""-Modell; nur auf Bestellung"'
    if i == 77:
        note = '"Zeile eins\nZeile zwei"'
    rows.append("%s;%s %d;%s;%d;%s;%s" % ("LB-%04d" % (1000 + 7 * i), kind, i, place, (i * 37) % 50, ("%.2f" % (4 + i * 0.35)).replace(".", ","), note))
sys.stdout.buffer.write("\r\n".join(rows).encode("windows-1252") + b"\r\n")

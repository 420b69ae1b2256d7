"""What a musician's words mean in a model's terms: one table, English first.

A row is a meaning and the phrases that have it, in any language; accents, capitals and hyphens do
not count. A meaning is one or more of these, by spaces:

    style:funk          the style; "style~funk" where the word only colours another style
    bass=slap/pick      that stem's timbre, one of these
    make=electric       a timbre by the instrument it is said of (`MAKES`)
    mode:minor          of the chords, where chords are chosen
    density:more        and force:, register:, swing: how notes are played
    stem:bass           an instrument, which other words of its phrase are said of
    tempo:              speed, which the session knows better
    other:              what is not to be had here
    not: very: less: stop: or: and:      grammar
    said:               a word that says nothing

Words for what a model lacks mean what is nearest ("techno" is house): the reading is told, so that
nobody is deceived.
"""

from __future__ import annotations

TABLE = {
    "style:pop": "britpop, pop, popmusik, chart, charts, indie, indie pop, k pop, synth pop, "
    "synthpop, singer songwriter",
    "style:rock": "rock, rockmusik, rock and roll, rock n roll, rocknroll, classic rock, alt "
    "rock, alternative, indie rock",
    "style:rock force:hard": "hard rock, hardrock, arena rock",
    "style:rock guitar=distortion/overdrive force:hard": "death metal, black metal, metal, "
    "heavy metal, punk, punk rock, grunge, hardcore, thrash, stoner",
    "style:rock guitar=overdrive/clean": "blues, blues rock, bluesrock, blues musik",
    "style:funk": "funk, p funk, soul, motown, funkmusik, go go",
    "style:funk bass=slap/finger guitar=muted": "slap funk",
    "style:house": "house, techno, trance, edm, electro, disco, deep house, eurodance, tech "
    "house, garage, elektro, electronica, clubmusik",
    "style:house stem:drums": "four on the floor, 4 on the floor, four to the floor, 4x4",
    "style:house drums=electronic/808 density:more": "drum and bass, drum n bass, drumnbass, "
    "dnb, jungle, breakcore",
    "style:hiphop": "gangsta rap, gangsta, hip hop, hiphop, rap, trip hop, triphop, r&b, rnb",
    "style:hiphop drums=room": "boom bap, boombap, golden age",
    "style:hiphop drums=808": "trap, drill, phonk",
    "style:hiphop piano=rhodes/grand force:soft": "lo fi, lofi, chillhop, lo fi hip hop, lofi "
    "hip hop, neo soul",
    "style:ballad": "ballad, ballade, balada, power ballad, slow jam, love song, liebeslied",
    "style:ballad density:less force:soft": "ambient, chillout, new age, downtempo",
    "style:ballad guitar=nylon/steel": "folk, volksmusik, campfire",
    "style:ballad piano=grand": "classical, klassik, classique, clasica, romantic, gospel",
    "style:pop guitar=steel": "country, americana, bluegrass",
    "style:pop bass=synth drums=electronic": "synthwave, vaporwave, 80s, eighties, achtziger",
    "style:latin": "rumba, latin, latino, latina, salsa, mambo, cumbia, montuno, tumbao, "
    "clave, afro cuban, cuban, reggaeton, afrobeat",
    "style:latin guitar=nylon force:soft": "bossa nova, bossa, bossanova, samba",
    "style:reggae": "reggae, dub, ska, dancehall, one drop, roots reggae, skank",
    "style:jazz": "nu jazz, acid jazz, jazz, bebop, bop, cool jazz, gypsy jazz, big band, "
    "dixieland",
    "style:jazz bass=acoustic": "walking bass, walking bassline, walking",
    "style:jazz swing:swung": "swing jazz, swing music",
    "style:waltz": "waltz, walzer, valse, vals, 3/4",
    "style:six_eight": "six eight, 6/8, sechs achtel, afro six eight",
    "style:odd": "odd, odd metre, odd meter, 7/8, seven eight, prog, progressive, math rock",
    # Words that colour a style.
    "style~pop": "poppy, catchy, radio",
    "style~rock": "rocky, rocking, rockig, rockin",
    "style~funk": "funky, groovy, soulful, funkig",
    "style~house": "club, dance, rave, clubby, danceable, housey, electronic music, tanzbar",
    "style~hiphop": "hiphoppy, urban",
    "style~jazz": "jazzy, jazzig, swinging, bluesy",
    "style~latin": "tropical, caribbean, latineske",
    "style~reggae": "rasta, jamaican",
    "style~ballad": "balladesque, emotional",
    # Instruments that go by a name of their own.
    "bass=acoustic": "acoustic bass, upright bass, upright, double bass, doublebass, "
    "kontrabass, contrebasse, contrabajo, contrabass, standup bass, pizzicato bass",
    "bass=finger": "finger bass, fingered bass, fingerstyle bass, fingered, p bass, precision "
    "bass, jazz bass, fingerbass",
    "bass=pick": "pick bass, picked bass, picked, plectrum bass, plektrum, mediator",
    "bass=fretless": "fretless, fretless bass, bundlos, bundloser bass, sans frettes",
    "bass=slap": "slap, slap bass, slapping, slapped, slapped bass, slapbass, thumb bass, "
    "slap and pop, popped bass, slap bass guitar",
    "bass=synth": "808 bass, 808 sub, 808 bassline, synth bass, synthbass, moog, moog bass, "
    "reese, wobble, 303, acid bass, acid",
    "bass=synth register:lower": "sub bass, subbass, sub",
    "bass=finger/pick": "electric bass, e bass, bass guitar, bassgitarre, bajo electrico",
    "drums=standard": "standard kit, studio kit, studio drums, dry drums",
    "drums=room": "room kit, room drums, roomy drums, live drums, live kit, roomy",
    "drums=power": "power kit, power drums, big drums, stadium drums, huge drums",
    "drums=electronic": "electronic drums, electronic kit, drum machine, drumcomputer, "
    "linndrum, e drums, electronic beat, boite a rythmes, caja de ritmos, 909, 707",
    "drums=808": "808, 808s, tr 808, 808 drums, 808 kick",
    "drums=jazz": "jazz drums, jazz kit, ride cymbal, jazz schlagzeug",
    "drums=brush": "brush, brushes, brushed, brush drums, brushed drums, besen, jazzbesen, "
    "balais, escobillas, brush kit, brushwork",
    "drums=standard/room/jazz/brush": "acoustic drums, acoustic kit, real drums",
    "guitar=nylon": "nylon, nylon guitar, classical guitar, spanish guitar, flamenco, "
    "konzertgitarre, guitarra espanola, guitare classique, nylon string, nylon strings",
    "guitar=steel": "steel string, steel strings, western guitar, westerngitarre, "
    "dreadnought, folk guitar, steel guitar, guitare folk, strummed",
    "guitar=nylon/steel": "acoustic guitar, akustikgitarre, guitare acoustique, guitarra "
    "acustica, ukulele",
    "guitar=jazz style~jazz": "jazz guitar, jazzgitarre, hollow body, archtop, guitare jazz",
    "guitar=clean": "clean guitar, clean, clean electric, strat, telecaster, guitare claire, "
    "chorus guitar, twangy",
    "guitar=muted": "chugging, muted, muted guitar, palm mute, palm muted, palm mutes, "
    "chicken scratch, scratch guitar, gedampft",
    "guitar=overdrive": "overdrive, overdriven, crunch, crunchy, overdriven guitar, crunch guitar",
    "guitar=distortion": "screaming guitar, distortion, fuzz, fuzzy, high gain, shredding, "
    "power chords, powerchords, distortion guitar, distorsion",
    "guitar=overdrive/distortion": "distorted, distorted guitar, verzerrt, verzerrte gitarre, "
    "guitare saturee, guitarra distorsionada, heavy guitar, dirty guitar, shred, riff, riffs",
    "guitar=clean/muted/overdrive/distortion": "electric guitar, e gitarre, egitarre, "
    "stromgitarre, guitare electrique, guitarra electrica",
    "piano=grand": "grand piano, grand, acoustic piano, konzertflugel, flugel, piano a queue, "
    "piano de cola, steinway, concert piano",
    "piano=bright": "bright piano, pop piano, house piano, rock piano",
    "piano=electric_grand": "electric grand, cp 70, cp70, cp 80",
    "piano=honkytonk": "honky tonk, honkytonk, saloon, barroom piano, out of tune piano, "
    "ragtime, upright piano, tack piano",
    "piano=rhodes": "rhodes, fender rhodes, wurlitzer, wurli, wurly, mark i, suitcase piano, "
    "tine piano",
    "piano=fm": "fm, dx7, fm piano, digital piano, fm keys, 80s piano, dx piano",
    "piano=rhodes/fm": "electric piano, epiano, e piano, ep, piano electrique, piano "
    "electrico, elektrisches klavier, electric keys, organ, orgel, clavinet",
    "make=acoustic": "acoustic, akustisch, acoustique, acustico, acustica, unplugged, wooden, "
    "organic, natural",
    "make=electric": "electric, elektrisch, electrique, electrico, electrica",
    "make=synth": "synth, synthetic, electronic, elektronisch, electronique, electronico, "
    "digital, synthesizer, synths",
    "make=dirty": "dirty, dreckig, gritty, raw, noisy, sucio, rough, edgy, rau",
    "make=warm": "warm, vintage, retro, mellow tone, chaud, calido",
    "make=bright": "bright, hell, brillant, brillante, shiny, crisp, sparkling, glassy",
    # The instruments.
    "stem:bass": "bass, bassline, bass line, basses, bassist, basse, bajo, basslauf, low end",
    "stem:drums": "drum, drums, drummer, drumming, kit, schlagzeug, batterie, bateria, "
    "percussion, beat, beats, hi hat, hihat, hats, hat, kick, snare, cymbals, toms, drumbeat, "
    "backbeat, breakbeat, break, percussions, trommeln",
    "stem:guitar": "guitar, gitarre, gitarren, guitare, guitarra, gtr, guitarist, axe",
    "stem:piano": "piano, klavier, keys, keyboard, keyboards, tasten, pianist, claviers, teclado",
    # Chords.
    "mode:minor": "sorrowful, wistful, spooky, bleak, heartbroken, grim, minor, moll, mineur, "
    "menor, dark, dunkel, duster, sombre, oscuro, oscura, sad, traurig, triste, melancholic, "
    "melancholy, melancholisch, melancolique, melancolico, moody, gloomy, sinister, tense, "
    "mysterious, somber, brooding, haunting, eerie, night, noir, tragic, mournful, evil, "
    "ominous, emo, bittersweet, aeolian, dorian",
    "mode:major": "blissful, jubilant, radiant, thrilled, joyous, major, dur, majeur, mayor, "
    "happy, frohlich, joyeux, joyeuse, alegre, feliz, cheerful, uplifting, sunny, joyful, "
    "glad, positive, optimistic, feelgood, feel good, fun, triumphant, heiter, gai, bright "
    "mood, summery, hopeful, playful, ionian, euphoric",
    # How it is played.
    "density:more": "cluttered, bustling, overloaded, busy, dense, full, fill, fills, "
    "frantic, hectic, intricate, complex, many notes, more notes, active, dicht, viele noten, "
    "charge, denso, lleno, sixteenths, rolling, frenetic, driving, energetic, energisch, "
    "energique, virtuoso, lots of notes, crowded, thick, wild, crazy, complicated, energy, high "
    "energy, more hits, lots of hits, mehr noten, plus de notes, mas notas, voll, plein",
    "density:less": "bare, skeletal, uncrowded, few hits, sparse, minimal, minimalist, "
    "minimalistic, simple, few notes, fewer notes, spacious, empty, airy, less notes, laid "
    "back, laidback, open, sparsam, sparlich, wenige noten, einfach, epure, minimaliste, "
    "escaso, sencillo, stripped down, stripped, restrained, reduced, space, roomier, "
    "uncluttered, long notes, sustained, reduziert, thin, low energy, fewer hits, leer, weniger "
    "noten, moins de notes, menos notas, vide, vacio",
    "force:soft": "whispering, soothing, hushed, featherlight, soft, light, softly, gentle, "
    "quiet, quietly, tender, delicate, calm, mellow, smooth, chill, chilled, relaxed, leise, "
    "sanft, weich, zart, ruhig, doux, douce, doucement, suave, tranquilo, tranquila, light "
    "touch, subtle, dreamy, intimate, easy, lounge, peaceful, sleepy, easy going, easygoing, mild, "
    "weak, calme, turn it down, turn down, tone it down, tone down, schwach",
    "force:hard": "thunderous, ferocious, crushing, roaring, headbanging, hard, loud, heavy, "
    "aggressive, powerful, strong, pounding, punchy, angry, hart, laut, kraftig, aggressiv, "
    "fort, forte, agressif, fuerte, duro, agresivo, violent, intense, banging, epic, hitting, "
    "brutal, massive, turn it up, turn up, stark",
    "swing:swung": "swing, swung, shuffle, shuffled, triplet, triplets, swingend, ternaire, "
    "triolen, shuffling, swingy",
    "swing:straight": "straight, gerade, binaire, on the grid, quantized, quantised, straight "
    "eighths, no swing",
    "register:higher": "high, higher, hoch, aigu, alto, agudo, treble, upper, high register, "
    "up high, high pitched, hoher, hoeher",
    "register:lower": "low, lower, tief, grave, bajo registro, deep, low register, low "
    "pitched, down low, profond, profundo",
    "tempo:": "fast, slow, slowly, quick, uptempo, up tempo, mid tempo, midtempo, schnell, "
    "langsam, rapide, lent, rapido, lento, tempo, bpm, faster, slower, speedy",
    "other:": "voice, voices, vocal, vocals, singer, singing, gesang, stimme, voix, voz, "
    "choir, chor, trumpet, horn, horns, brass, sax, saxophone, saxophon, trombone, tuba, "
    "violin, fiddle, viola, cello, strings, string section, geige, streicher, violon, "
    "orchestra, orchestral, flute, clarinet, oboe, harp, harmonica, accordion, akkordeon, "
    "banjo, mandolin, sitar, marimba, vibraphone, xylophone, bells, pad, pads, theremin, "
    "bagpipes, whistle, reverb, delay, echo, chorus, flanger, phaser, compression, sidechain, "
    "autotune, vocoder, hall, wah, wah wah, tremolo, sample, samples, noise, fx, effects, "
    "lyrics, melody, melodic, intro, outro, drop, build up, verse, bridge",
    # Grammar.
    "not:": "no, not, without, ohne, kein, keine, keinen, nicht, sans, pas, sin, non, never, "
    "avoid, dont, do not, nor, aucun, aucune, ningun, nada de, instead of, statt, except, "
    "rather than",
    "less:": "less, fewer, weniger, moins, menos, not too, not so, not very, nicht zu, nicht so",
    "very:": "very, super, really, extremely, so, ultra, sehr, ganz, tres, muy, extra, more, "
    "much, mega, total, totally, quite, heavily, mehr, plus de, mas, insanely",
    "stop:": "with, over, plus, but, mit, aber, avec, mais, con, pero, featuring, feat, "
    "while, then, under, against, auf, uber, sur, sobre, only, just, nur, please",
    "or:": "or, oder, ou, o",
    "and:": "and, und, et, y, n",
    "said:": "a, an, the, some, any, of, in, on, to, for, from, by, at, it, its, is, are, be, "
    "as, thing, things, stuff, this, that, these, my, me, i, want, need, give, make, play, "
    "playing, played, let, lets, something, like, kind, sort, style, styled, feel, feeling, "
    "vibe, vibes, mood, groove, grooves, music, musik, musique, musica, song, track, tune, "
    "sound, sounds, sounding, sounded, tone, tones, part, parts, line, lines, loop, loops, "
    "stem, stems, take, instrument, instruments, lead, rhythm, rythme, ritmo, rhythmus, "
    "pattern, patterns, bit, little, touch, lot, lots, nice, good, great, cool, best, new, "
    "old, school, oldschool, old school, modern, real, big, small, too, also, all, full band, "
    "band, solo, comp, comping, chords, chord, key, der, die, das, ein, eine, einen, einem, "
    "einer, im, am, zum, bitte, wie, le, la, les, un, une, des, du, de, en, au, el, los, las, "
    "una, unos, por, favor, del, que, sounding like, strumming, quality, type, genre, very "
    "much, should, would, could, have, has, using, use, around, into, up, down, minor third, "
    "beat of, thanks, hello, hi, hey, you, your, please make, kindly, even, way, "
    "slightly, somewhat, possible, as possible, noch, etwas, encore, aun",
}
"""Meanings -> phrases. The longest phrase that fits is what was said."""

MAKES: dict[str, dict[str, str]] = {
    "acoustic": {"bass": "acoustic", "drums": "standard/room/jazz/brush",
                 "guitar": "nylon/steel", "piano": "grand"},
    "electric": {"bass": "finger/pick", "drums": "electronic",
                 "guitar": "clean/muted/overdrive/distortion", "piano": "rhodes/fm/electric_grand"},
    "synth": {"bass": "synth", "drums": "electronic/808", "piano": "fm"},
    "dirty": {"bass": "pick", "drums": "power/room", "guitar": "overdrive/distortion",
              "piano": "honkytonk"},
    "warm": {"bass": "fretless/finger", "guitar": "jazz/nylon", "piano": "rhodes"},
    "bright": {"bass": "pick/slap", "guitar": "steel/clean", "piano": "bright"},
}  # fmt: skip
"""What an adjective means of an instrument."""

STYLE_METRES = {"waltz": "3/4", "six_eight": "6/8", "odd": "7/8"}
"""Styles that live in one metre."""

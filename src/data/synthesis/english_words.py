"""A few hundred common English words, those of signs, shops, products and streets included.

The words to fall back on when no lexicon file is given, and a source of everyday words beside one that is.
"""

_TEXT = """
the of and to a in is it you that he was for on are with as his they be at one have this from or had by hot
but some what there we can out other were all your when up use word how said an each she which do their time
if will way about many then them would write like so these her long make thing see him two has look more day
could go come did my sound no most number who over know water than call first people may down side been now
find any new work part take get place made live where after back little only round man year came show every
good me give our under name very through just form much great think say help low line before turn cause same
mean differ move right boy old too does tell sentence set three want air well also play small end put home
read hand port large spell add even land here must big high such follow act why ask men change went light
kind off need house picture try us again animal point mother world near build self earth father head stand
own page should country found answer school grow study still learn plant cover food sun four thought let
keep eye never last door between city tree cross since hard start might story saw far sea draw left late run
press close night real life few stop open seem together next white children begin got walk example ease
paper often always music those both mark book letter until mile river car feet care second group carry took
rain eat room friend began idea fish mountain north once base hear horse cut sure watch color face wood main
enough plain girl usual young ready above ever red list though feel talk bird soon body dog family direct
pose leave song measure state product black short numeral class wind question happen complete ship area half
rock order fire south problem piece told knew pass farm top whole king size heard best hour better true
during hundred am remember step early hold west ground interest reach fast five sing listen six table travel
less morning ten simple several vowel toward war lay against pattern slow center love person money serve
appear road map science rule govern pull cold notice voice fall power town fine certain fly unit lead cry
dark machine note wait plan figure star box noun field rest correct able pound done beauty drive stood
contain front teach week final gave green quick develop sleep warm free minute strong special mind behind
clear tail produce fact street inch lot nothing course stay wheel full force blue object decide surface deep
moon island foot yet busy test record boat common gold possible plane age dry wonder laugh thousand ago ran
check game shape yes miss brought heat snow bed bring sit perhaps fill east weight language among exit
entrance entry push closed hours sale shop store market bakery cafe coffee restaurant hotel motel bar pub
grill pizza burger chicken kitchen menu lunch dinner breakfast fresh daily offer price save extra discount
bargain cheap deal sold welcome thanks please caution danger warning private property parking park avenue
lane court square station platform train bus taxi airport terminal gate ticket tickets information reception
office bank post pharmacy hospital clinic doctor dentist police emergency telephone phone mobile internet
online service services centre theatre cinema museum gallery library university college department building
floor level lift stairs toilet toilets ladies gents staff customer customers security camera smoking speed
limit ahead yield bridge works diversion traffic junction london paris york club royal national
international company limited brothers sons estate agents insurance solicitors holidays fashion shoes
clothing jewellery books records sports computers electronics furniture garden flowers hair nails salon
studio design digital photo print copy media television radio news magazine times journal guide edition
volume chapter introduction history engineering software systems network programming windows java data
technology professional ultra super mega mini classic original premium quality natural organic diet energy
battery charger cable laser colour silver golden summer winter spring autumn january february march april
june july august september october november december monday tuesday wednesday thursday friday saturday
sunday today tomorrow weekend happy birthday christmas party festival season award winner champion league
united football team player score movie director starring coming india america china japan australia canada
england scotland ireland wales europe africa asia mexico spain italy france germany russia california texas
florida chicago boston view pure milk juice beer wine whisky tea sugar salt butter cheese bread rice soup
salad apple orange lemon chocolate cream vanilla
"""

ENGLISH_WORDS = tuple(_TEXT.split())

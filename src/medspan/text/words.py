"""Words that decide about sentence ends in clinical notes, in small letters."""

__all__ = [
    "COUNTED",
    "DOSE_WORDS",
    "LETTERED",
    "NEVER_LAST",
    "NUMBERED",
    "OFTEN_INSIDE",
    "PERIODS",
    "RATES",
    "STARTERS",
    "UNFINISHED",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# With a full stop: never the last word of a sentence.
NEVER_LAST = _words(
    """dr. drs. mr. mrs. ms. mx. prof. rev. hon. sgt. capt. lt. col. gen. messrs. mme. st. ste. mt. sra. sr.ta.
    vs. v. e.g. eg. i.e. ie. cf. viz. approx. appx. ca. resp. incl. excl. esp. al. c.f. s/p. c/w. w/. dx'd."""
)
# Stand before a number, where their stop ends nothing; elsewhere they may be the last word.
NUMBERED = _words("no. nos. fig. figs. eq. vol. pp. p. pg. ch. sec. art. ref. refs. nr. num. tel. ext. rm. apt. q. x.")
# Abbreviations that stand inside and at the end of sentences: the next word decides.
OFTEN_INSIDE = _words(
    """mg. mcg. ug. gm. gms. g. kg. lb. lbs. oz. ml. cc. dl. l. cm. mm. in. ft. meq. mmol. iu. u. hr. hrs. h. min. mins.
    sec. secs. wk. wks. mo. mos. yr. yrs. y. d. mon. tue. tues. wed. thu. thur. thurs. fri. sat. sun. jan. feb. mar.
    apr. jun. jul. aug. sep. sept. oct. nov. dec. tab. tabs. cap. caps. susp. soln. sol. inj. supp. gtt. gtts. amp.
    oint. crm. liq. po. iv. im. sq. sc. subq. sl. pr. bid. tid. qid. qd. qod. qhs. qam. qpm. prn. ac. pc. hs. stat.
    pt. pts. hx. dx. tx. rx. sx. fx. bx. abd. temp. resp. wt. ht. neg. pos. bilat. lat. med. meds. prox. dist. ant.
    post. sup. inf. diff. dept. div. hosp. univ. inc. ltd. co. corp. jr. sr. esq. etc. ed. ave. blvd. rd. est. avg.
    max. minim. std. dev. cont. disp. refr. sig. qty. freq. sat. sats. consult. eval. appt. ref. admin. vit. cont'd.
    a.m. p.m. am. pm. m.d. r.n. d.o. ph.d. pharm.d. n.p. p.a. b.s."""
)
# After an abbreviated dose these go on with it, also in capitals.
DOSE_WORDS = _words(
    """prn qd qod bid tid qid qhs qam qpm daily nightly weekly monthly once twice every each po iv im sq sc subq sl pr
    stat hs ac pc p.o. i.v. i.m. q.d. b.i.d. t.i.d. q.i.d. p.r.n. q.h.s. q.a.m. q.p.m. s.q. s.c. tab tabs cap caps
    tablet tablets capsule capsules x for with and or"""
)
# "vitamin D. He": a single capital after these is no initial of a name.
LETTERED = _words(
    """vitamin hepatitis type group class stage grade factor troponin influenza flu immunoglobulin hemoglobin hgb
    protein child-pugh pugh plan option lead strep streptococcus zone part phase category cat hep vit score panel
    hemophilia blood antigen arm cohort exhibit section appendix figure table unit ward building pod team dose"""
)
# These begin sentences and are no surnames.
STARTERS = _words(
    """the a an he she it they we i his her their this that these those there patient pt pts no not denies denied on in
    at after before during since when if for with given upon per please will was is has had also however continue
    continued follow started stop start plan assessment follow-up recommend repeat consider currently today all both"""
)
# A number after these is counted or graded, not the number of a list item.
COUNTED = _words(
    """grade stage type class number no no. # times over of was is are were be been at to for by or and than
    approximately about around nearly only every x the a an on in from with through until between minus plus equals
    level score gravida para q take took taking takes gave given received lead phase step part figure table
    version cycle room unit bed past last next first another other possible under above below within after before
    since all both some two three four"""
)
# So is it after these, unless a rate comes before: "on day 2. Check", but "once a day 2. Senna".
PERIODS = _words("day week month year hour minute age aged dose")
RATES = _words("a per each every one 1")
# A line ending with one of these goes on in the next, however short it is.
UNFINISHED = _words(
    """and or of the a an with to for in on at by was is were are had has have been being from as but that which who
    whose his her their its this these no without into than through due via per between after before during under
    over about until while when where if because since both either neither not any some status secondary"""
)

//! The shapes by which a line that no rule knows is told to look like trouble. It must not know what is made of it.

use std::sync::LazyLock;

use regex::Regex;

macro_rules! pattern {
    ($(#[$about:meta])* $name:ident, $text:expr) => {
        $(#[$about])*
        pub(crate) static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("a constant pattern, compiled by a test"));
    };
}

pattern!(
    /// Whole lines that are lists, echoes of commands, or notes on somebody's settings.
    HARMLESS,
    r#"(?x)^(?:
        (?:Installing|Fetching|Using|Downloading|Extracting|Fetched|Unpacking|Preparing\ to\ unpack|Selecting|Get:\d+|Hit:\d+|Adding|Copying|Writing|Compiling|Building|Linking|Loading|Created?|create|identical|Resolved|Added|Removed|Bundling|Generated|Checking|Synced?|Syncing|Processing\ triggers)\ \S+(?:\ \S+){0,4}$
      | [+\$>]\ .*
      | \#\ (?:[^FA]|F[^a]|A[^\ n]).*
      | [+├└─│]\S*\ \S+@\S+$
      | (?:asset|modules?|cacheable|orphan|runtime|javascript|css|chunk|entrypoint)\ .*\d\ (?:bytes|[KMG]iB)\b.*
      | \S+\ \(\d[\d.,]*\ (?:bytes|[KMG]i?B)\)
      | \S+\ +\d[\d.,]*\ ?(?:b|bytes|[kKmMgG]i?[bB])(?:\ +\S{1,4})?
      | .*\(✔\)\ \w+\ \(✖\)\ \w+
      | ➜\ +\S+\ git:\(\S+\)\ ✗(?:\ [a-z./].*)?
      | [\w~./-]+/\S*\ +\S+\ ✗\ +\d+[smhdwMy]\ ⚑
      | \S+:\ +\[(?:Function|AsyncFunction|Getter|Object|Array|class)\b.*
      | .{1,80}[^\s:=]\s*[:=]\s*0
      | [-*]\ \S+$
      | (?:sudo\ )?(?:/usr/bin/env\ )?(?:echo|printf|if\ (?:test|\[+))\ .*
      | \S+$
      | https?://\S+
    )$"#
);
pattern!(
    /// It ends by saying that something failed, or says that it could not be done, whatever the words before.
    FAILS,
    r#"(?ix)
        (?:^|[\s(])(?:(?:has\ |have\ )?(?:failed|aborted|crashed|errored)|fails|failing|unsuccessful(?:ly)?|timed\ out|(?:is|was|were)\ (?:invalid|missing|not\ found))[\s!.")']*$
      | \bwith\ (?:(?:\d*[1-9]\d*|some|the\ following)\ )?(?:errors?|failures?)\b[^\w/-]*(?:$|\b(?:in|after)\b)
      | \b(?:could\ not|couldn't|cannot|can't|unable\ to|failed\ to)\ \w
      | \bInternal\ Server\ Error\b
      | ^\W{1,6}(?:(?i:error|fatal)(?::\ |\ [a-z])|(?i:failed|failure)\b)
    "#
);
pattern!(
    /// A line of one word that says so.
    FAILED,
    r"^(?:F(?:ailed|AILED|atal|ATAL)|A(?:borted|BORTED)|C(?:rashed|RASHED)|(?:E(?:rror|RROR)|F(?:ailure|AILURE))[!.])[!.]*$"
);
pattern!(
    /// Paths, file names, package names, options, identifiers: words in them say nothing.
    NAMES,
    r#"(?x)
        --[\w-]+(?:=\S+)?
      | (?:[A-Za-z]:)?[\w.@~+%-]*[/\\][\w./\\@~+%-]+
      | \b[\w-]+(?:[._-][\w-]+)*\.(?:m?[jt]sx?|cjs|mts|s?css|sass|less|rb|erb|haml|vue|svelte|json|html?|ya?ml|log|map|png|svg|jpe?g|gif|webp|woff2?|ttf|eot|md|py|astro|php|lock|txt|gz|br)\b
      | \b\w+(?:_\w+)+\b
      | \b[a-z][a-z0-9]*(?:-[a-z0-9]+)+@?[\d.]*\b
      | \b[a-z]+-(?:error|warning|fail|failed|exception)s?\b
      | \b[a-z]\w*(?:\.[a-z]\w*)+=(?:false|0)\b
      | \b(?:error|warning|fail|failed|exception|missing|invalid|unknown)s?-[\w-]+
      | \b[a-z]+[A-Z]\w*(?:Error|Errors|Warning|Warnings|Timeout|Exception)\w*\b
      | ['"`](?:errors?|warn(?:ing)?s?|fatal|failed|failure|exceptions?|critical)['"`]
    "#
);
pattern!(
    /// Nothing of the kind, looked for and not found, or only thought of.
    NEGATED,
    r#"(?ix)
        \b(?:0|no|zero|without(?:\ any)?|any|found\ 0)\ (?:new\ |known\ |eslint\ |type(?:script)?\ |lint\ |import\ |syntax\ )?(?:errors?|warnings?|failures?|failed|issues?|problems?|offenses?|vulnerabilit\w+|conflicts?|exceptions?|skipped|broken|missing|unknown|rejected)\b(?:\ found|\ detected)?
      | \b(?:errors?|warnings?|failures?|failed|exceptions?|timeouts?|skipped|conflicts?)\s*[:=]?\s*(?:0|\[\])(?:$|[\s,;.)\]])
      | \b(?:errors?|warnings?|failures?|failed|exceptions?|timeouts?|skipped|conflicts?)\s*[:=]\s*(?:none|false|no|off|nil|null|-)(?:\s*$|[,;)\]])
      | \bif\ (?:you|there|it|this|that|the)\b[^.]{0,60}\b(?:errors?|fails?|warnings?)\b(?:\ "[^"]*")?
      | \b(?:(?:ignor|suppress|silenc|hid|disabl|remov|dismiss|check|look|scann?|captur|collect|track|handl|monitor|avoid|prevent)(?:e|es|ed|ing)?|(?:catch|report|detect)(?:es|s|ing)?)\ (?:for\ )?(?:(?:this|these|the|all|any|some|such|possible|common|known|type|types|syntax|dependency|build|lint)\ )*(?:errors?(?:\ and\ warnings?)?|warnings?(?:\ and\ errors?)?|exceptions?|failures?|conflicts?|messages?)\b
      | \b(?:error|exception|warning)\s(?:page|pages|handling|handler|handlers|reporting|reporter|tracking|tracker|monitoring|boundary|boundaries|messages?\ (?:loaded|are)|log|logs|overlay|codes?)\b
      | \b(?:errors?|exceptions?|warnings?)\ (?:will|are|is)\ (?:not\ |now\ )?(?:be\ )?(?:reported|sent|captured|logged|tracked|ignored|shown|displayed|suppressed|silenced|hidden)\b
      | \b(?:[1-9]\d*|each|more)\ warnings?\b
      | \b(?:buil[dt]s?|compiled|completed?|done|deployed|ended|exited|finished|generated|passed|succeeded|success(?:ful(?:ly)?)?)\ with\ (?:some\ |minor\ )?warnings?\b
      | \b(?:will|would|going\ to|may|might)\ (?:\w+\ )?(?:be(?:come)?|raise|throw|cause|result\ in|trigger|produce)\ (?:an?\ )?(?:\w+\ )?(?:errors?|exceptions?|\w+Error)\b[^.]{0,50}\b(?:future|next|upcoming|later|versions?|releases?|v?\d+\.\d+)\b
      | \b(?:in|from|with|starting)\ (?:an?\ |the\ )?(?:future|next|upcoming|later|(?-i:[A-Z])\w+\ v?\d[\d.]*)\b[^.]{0,60}\b(?:will|would|going\ to)\ [^.]{0,30}\b(?:errors?|exceptions?|fail)\b
      | \b(?:may|might|could)\ (?:result\ in|lead\ to)\b(?:\ (?:an?|the|some|other|unexpected|undefined|unknown|random|strange|subtle|runtime|minor|possible|potential|future|poor|slow(?:er)?|incorrect|inconsistent|wrong|duplicated?|memory|performance)){0,4}(?:\ (?:errors?|exceptions?|failures?|problems?|issues?|conflicts?|warnings?|crash(?:es)?|behaviou?rs?|leaks?)\b)?
      | \b(?:may|might|could)\ (?:fail|break|crash|cause\ (?:errors?|problems|issues|warnings?|conflicts?))\b
      | \b(?:is|are|was|were)\ not\ (?:a|an)\ (?:errors?|problems?|failures?)\b
      | \b(?:security|critical|stability|bug)(?:\ (?:or|and|security|critical|stability|bug)){0,4}\ (?:updates?|fix(?:es)?|patches|releases)\b
      | \btimeout\s*[:=]?\s*\d+
      | \bfail(?:ed)?[-\ ]?(?:fast|over|safe)\b
    "#
);
pattern!(
    /// Something is old.
    DEPRECATION,
    r"(?i)\bdeprecat(?:ed|ion|ions|es)\b"
);
pattern!(
    /// Somebody is told that a program has no makers any more.
    OUTLIVED,
    r"(?i)\bend[- ]of[- ]life\b|\bno longer (?:being )?(?:actively )?(?:supported|maintained|developed)\b|\bno longer (?:receives?|gets?)\b|\bunmaintained\b|\bis not (?:actively )?maintained\b|\bno longer (?:relevant|used) and will be removed\b"
);
pattern!(
    /// Too grave for a mere note on something old.
    GRAVE,
    r"(?i)\b(?:fatal|aborted|failed|exception|errors?)\b"
);
pattern!(
    /// The line itself says that it is a warning, an error, or the end of a program.
    DECLARED,
    r#"(?ix)
        \b(?:errors?|errored|fatal|failed|failure|failures|fails|failing|exceptions?|abort(?:ed|ing)?|panick?(?:ed)?|warn(?:ing|ings)?|critical|traceback)\b
      | \b[A-Z]\w*(?:Error|Exception)\b
      | \b(?:permission\ denied|access\ denied|connection\ (?:refused|closed|reset|lost)|not\ permitted|went\ wrong|limit\ exceeded)\b
      | \b(?:invalid|unexpected|unresolved|unhandled|uncaught|corrupt(?:ed)?|illegal)\b
      | \b(?:killed|terminated|core\ dumped|segmentation\ fault|segfault|out\ of\ memory|crash(?:ed|es)?|timed\ out|time\ out|timeout)\b
      | \bdiscard(?:ed|ing)\b
      | \bE(?:NOENT|ACCES|NOSPC|PERM|MFILE|CONNRESET|CONNREFUSED|TIMEDOUT|NOTEMPTY|EXIST|ISDIR|ROFS|PIPE|INTEGRITY|NOTFOUND|RESOLVE)\b
      | \bexit(?:ed)?\ (?:with\ )?(?:code|status)?:?\s*[1-9]
      | \b(?:unclosed|unterminated|unmatched|malformed|giving\ up|gave\ up|non-?zero)\b
      | [✗✘✖❌⚠🚨⛔]
      | エラー | 警告 | 失敗 | 見つかりません | 错误 | 失败 | \bfehler | \bwarnung | \berreur | échec | ошибка
    "#
);
pattern!(
    /// Something is absent, does not fit, or was not done; a build that ends well afterwards got over it.
    SPOKEN,
    r#"(?ix)
        \b(?:cannot|can't|can\ not|could\ not|couldn't|unable\ to|won't\ be|didn't|did\ not|refus\w+\ to|isn't|wasn't|aren't|weren't|hasn't|haven't)\b
      | \b(?:not\ found|no\ such|not\ exist|doesn't\ exist|not\ available|not\ something|no\ matching|not\ in\ \w+\ format)\b
      | ^no\ (?:\S+\ ){1,8}(?:was\ |were\ )?found\b
      | \b(?:mismatch(?:es|ed)?|unsupported|incompatible|rejected|conflict(?:s|ing)?)\b
      | \b(?:undefined|missing|unknown)\ \w | \b(?:is|are|was|were)\ (?:missing|unknown|undefined)\b
      | \b(?:vulnerab\w+|violat\w+|broken|no\ longer)\b
      | \bis\ not\ (?:a|an|the|defined|recognized|allowed|supported|valid|installed|exported|compatible|writable|readable|in)\b
      | \b(?:doesn't|does\ not)\ (?:match|fit|exist|support|contain|have|provide|work|appear|recogni[sz]e|compile|resolve|start|respond|define|export)\b
      | \b(?:is|are|was|were|has|have|had|could|will)\ (?:not|never)\ (?:be\ |been\ )?(?:built|compiled|found|written|copied|created|loaded|generated|emitted|processed|started|finished|completed|saved|applied|done|yet|reachable|responding)\b
      | \b(?:is|are|was|were)\ empty\b | \ba\ password\ is\ required\b
      | \b(?:refusing|interrupted|rolling\ back|rolled\ back|forbidden|unauthori[sz]ed|expired|truncated|incomplete|unrecogni[sz]ed|unreachable|overflow)\b
      | \bbad\ (?:option|substitution|decrypt|request|gateway|interpreter|argument|value|address|configuration|syntax|magic)\b
      | \bwrong\ (?:number|argument|type|version|kind|format|path|usage)\b
      | \b(?:you\ must|must\ (?:specify|provide|pass|set|define|not|have|be))\b | \bplease\ specify\b
      | \btoo\ (?:many|large|long|old|new)\b
    "#
);
pattern!(
    /// Something was left out.
    SKIPPED,
    r"(?i)\b(?:skipping|skipped)\b"
);
pattern!(
    /// The line itself says what was done instead.
    GOT_OVER,
    r"(?i)\((?:ignored|skipped|optional|using [^)]{1,40})\)|\b(?:ignored|skipped|skipping|ignoring it|continuing)\W*$|,? using (?:the )?(?:default|fallback|polling)|\bfall(?:ing|s)? back (?:to|on)\b|\bdefaulting to\b|\bcontinu(?:e|ing) (?:without|anyway|with)\b|\bassuming\b|\bwill be ignored\b|\bnothing to worry about\b|\bsafely ignore\b"
);
pattern!(
    /// The line itself says what is done next, or for which machine it was left out.
    NEXT_STEP,
    r"(?i)[.;:] (?:building|creating|downloading|installing|cloning|pulling|fetching|generating|initiali[sz]ing|rebuilding|running|performing)\b[^.:]{0,60}\.{0,3}$|[.;:] [^.;:]{3,60} will be (?:performed|generated|created|used)(?: instead)?\.?$|^skipping '?[\w@/.-]+'? (?:build|install(?:ation)?|download|binary)\b.*\bplatform\b"
);
pattern!(
    /// What is done next is nothing, or not what was wanted.
    LEFT_OUT,
    r"(?i)\b(?:without|nothing|none|no (?:\w+ )?(?:packs?|assets?|files?|output)|old ones?|packs?|webpack(?:er)?|postcss)\b"
);
pattern!(
    /// What people see hangs on these: a complaint of one of them is not got over.
    SITE,
    r"(?i)\bthemes?\b|stylesheet|\bskins?\b|\bentr(?:y|ies|ypoints?)\b|\bmanifest|\.(?:s?css|sass|less|haml|erb)\b|\bpre-?compil|\bcompil(?:e|ing|ation)\b|\b(?:vite|webpack|rails|asset|assets) build\b"
);
pattern!(
    /// The words by which a line calls itself a warning, and no more than that.
    WARNS,
    r"(?i)\bwarn(?:ing|ings)?\b|⚠|警告|\bwarnung\b"
);
pattern!(
    /// Advice: how something could be done better, what is new, what is there twice.
    ADVICE,
    r#"(?ix)
        \b(?:recommended|advised|advisable|encouraged|discouraged)\b
      | \b(?:is|are|an?|still)\ (?:\w+\ )?experimental\b | \b(?:may|might|subject\ to)\ change\b
      | \bconsider\ \w+ing\b
      | \b(?:is|are)\ (?:\w+\ )?(?:superfluous|redundant|unnecessary|obsolete|superseded|unused|insecure)\b
      | \balready\ (?:exists?|initiali[sz]ed|defined|registered|enabled|installed|set)\b
      | \bset\ to\ non-nil\ value\b | \bnever\ used\b | \bnot\ in\ (?:your\ |the\ )?\$?PATH\b | \bnot\ on\ PATH\b | \bPATH\ is\ not\ (?:\w+\ )?set\b
      | \bno\ longer\ (?:needed|necessary|required)\b
      | \b(?:will|may|might)\ (?:be\ removed|change|stop\ working|go\ away)\b
      | \b(?:can|may|might|could|will)\ (?:\w+\ )?(?:slow|be\ slow|hurt\ performance|affect\ performance|impact\ performance|degrade)\b
      | \b(?:bad|poor|reduced|lower|suboptimal|degraded)\ performance\b | \bperformance\ (?:reasons|overhead|penalty)\b
      | \bas\ (?:the\ )?'?root'?\b(?:\ user)?
    "#
);
pattern!(
    /// What a build is made of and makes, and words for what it lacks or does otherwise: advice does not speak of them.
    LACKS,
    r"(?i)\b(?:ignor\w*|disabl\w*|fall(?:s|ing)? ?back\w*|fell back|partial\w*|mismatch\w*|incompatib\w*|conflict\w*|overwrit\w*|overrid\w*|no effect|wins)\b|\b(?:colou?rs?|config\w*|options?|settings?|defaults?|loaders?|plug-?ins?|mixins?|variables?|selectors?|rules?|propert(?:y|ies))\b|\b(?:not found|no such|missing|lacks?|lost|absent|nothing|empty|could not|couldn't|can ?not|can't|unable|unresolved|undefined|unknown|skip\w*|omit\w*|left out|dropped|not (?:exist|loaded|available|written|copied|built|generated|emitted|applied|included))\b|\b(?:css|s[ac]ss|less|styl\w*|fonts?|images?|icons?|assets?|packs?|chunks?|bundles?|layouts?|views?|pages?|output|public|modules?|imports?|files?)\b"
);
pattern!(
    /// Something came to a stop, or is not as it should be: no advice.
    STOPS,
    r"(?i)\b(?:exit(?:s|ing)?|quit(?:s|ting)?|stop(?:s|ped|ping)|giving up|refus\w+|interrupted|incomplete|stale|rebuild|broken|corrupt\w*|instead of the)\b"
);
pattern!(
    /// The middle of a sentence.
    PROSE,
    r"^(?:[a-z]{1,14},? ){3}"
);
pattern!(
    /// The end of a line of prose: two words, or a comma.
    PROSE_END,
    r" [A-Za-z]+ [A-Za-z]+$|[A-Za-z],$"
);
pattern!(
    /// Prose that says what went wrong from its first word on.
    COMPLAINS,
    r"^(?:could|couldn|can|cannot|unable|failed|failure|error|fatal|invalid|no such|no space|missing|permission|access|undefined|unknown|uncaught|unexpected|out of|aborted|aborting|killed)\b|^(?:the )?(?:build|bundling|deploy|deployment|installation|process|command|script|task|server|program) (?:was|is|has|had|could|did|will|failed|exited)\b"
);
pattern!(
    /// A line that begins a complaint of its own, whatever stands above it.
    BEGINS,
    r"^(?:\[[\w:@/. -]{1,40}\]:? )?(?:Could not |Couldn't |Cannot |Can't |Can not |Unable to |Failed |Failure|Error\b|ERROR\b|FATAL\b|Fatal |fatal:|error:|An error |Invalid |No such |Missing |Something went wrong|Aborted|Killed$|\S+ failed\b)"
);

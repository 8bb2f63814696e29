"""Tags and attributes of MJML 4 (from its own components): the compiler passes any other."""

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left"
_FONT = "color font-family font-size font-style font-weight line-height"
_BACKGROUND = (
    "background-url background-repeat background-size background-position "
    "background-position-x background-position-y"
)
_LINK = "href name rel target title"
_CONTAINER = "container-background-color"
_SECTION = (
    f"{_PADDING} {_BORDER} {_BACKGROUND} background-color border-radius direction full-width "
    "text-align text-padding"
)
_ACCORDION = (
    "border font-family icon-align icon-height icon-position icon-unwrapped-alt "
    "icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url"
)

_ATTRIBUTES = {
    "mjml": "lang dir owa",
    "mj-head": "",
    "mj-attributes": "",
    "mj-breakpoint": "width",
    "mj-font": "name href",
    "mj-html-attributes": "",
    "mj-html-attribute": "name",
    "mj-selector": "path",
    "mj-preview": "",
    "mj-style": "inline",
    "mj-title": "",
    "mj-body": "background-color width",
    "mj-wrapper": f"{_SECTION} gap",
    "mj-section": _SECTION,
    "mj-group": "background-color direction vertical-align width",
    "mj-column": f"{_PADDING} {_BORDER} background-color border-radius direction "
    "inner-background-color inner-border inner-border-bottom inner-border-left "
    "inner-border-radius inner-border-right inner-border-top vertical-align width",
    "mj-hero": f"{_PADDING} background-color background-height background-position background-url "
    f"background-width border-radius {_CONTAINER} height inner-background-color inner-padding "
    "inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left mode "
    "vertical-align",
    "mj-text": f"{_PADDING} {_FONT} align background-color {_CONTAINER} height letter-spacing "
    "text-decoration text-transform vertical-align",
    "mj-button": f"{_PADDING} {_BORDER} {_FONT} {_LINK} align background-color border-radius "
    f"{_CONTAINER} height inner-padding letter-spacing text-align text-decoration "
    "text-transform vertical-align width",
    "mj-image": f"{_PADDING} {_BORDER} {_LINK} align alt border-radius {_CONTAINER} "
    "fluid-on-mobile font-size height max-height sizes src srcset usemap width",
    "mj-divider": f"{_PADDING} align border-color border-style border-width {_CONTAINER} width",
    "mj-spacer": f"{_PADDING} {_BORDER} {_CONTAINER} height",
    "mj-table": f"{_PADDING} align border cellpadding cellspacing color {_CONTAINER} font-family "
    "font-size font-weight line-height role table-layout vertical-align width",
    "mj-raw": "position",
    "mj-social": f"{_PADDING} {_FONT} align border-radius {_CONTAINER} icon-height icon-padding "
    "icon-size inner-padding mode table-layout text-decoration text-padding vertical-align",
    "mj-social-element": f"{_PADDING} {_FONT} {_LINK} align alt background-color border-radius "
    "icon-height icon-padding icon-position icon-size sizes src srcset text-decoration "
    "text-padding vertical-align",
    "mj-navbar": f"{_PADDING} align base-url hamburger ico-align ico-close ico-color "
    "ico-font-family ico-font-size ico-line-height ico-open ico-padding ico-padding-top "
    "ico-padding-right ico-padding-bottom ico-padding-left ico-text-decoration "
    "ico-text-transform",
    "mj-navbar-link": f"{_PADDING} {_FONT} href letter-spacing name rel target text-decoration "
    "text-transform",
    "mj-accordion": f"{_PADDING} {_ACCORDION} {_CONTAINER}",
    "mj-accordion-element": f"{_ACCORDION} background-color",
    "mj-accordion-title": f"{_PADDING} background-color color font-family font-size font-weight",
    "mj-accordion-text": f"{_PADDING} background-color color font-family font-size font-weight "
    "letter-spacing line-height",
    "mj-carousel": f"{_PADDING} align border-radius {_CONTAINER} icon-width left-icon right-icon "
    "tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width "
    "thumbnails",
    "mj-carousel-image": "alt border-radius href rel src target tb-border tb-border-radius "
    "thumbnails-src title",
}

ATTRIBUTES = {
    tag: frozenset(names.split()) | {"css-class", "mj-class"} for tag, names in _ATTRIBUTES.items()
}
"""Allowed attributes by tag."""

DEFAULTS = frozenset().union(*ATTRIBUTES.values()) | {"name"}
"""What `mj-all` and `mj-class` inside `mj-attributes` may set."""

_WITH_HTML_NAMES = (
    "mj-text mj-button mj-table mj-raw mj-social-element mj-navbar-link mj-accordion-title "
    "mj-accordion-text mj-title mj-preview mj-style"
)
WITH_HTML = frozenset(_WITH_HTML_NAMES.split())
"""Tags whose content is HTML or text, not MJML."""

_COLUMN_NAMES = (
    "mj-accordion mj-button mj-carousel mj-divider mj-image mj-raw mj-social mj-spacer mj-table "
    "mj-text mj-navbar"
)
_COLUMN = frozenset(_COLUMN_NAMES.split())
_HEAD_NAMES = (
    "mj-attributes mj-breakpoint mj-html-attributes mj-font mj-preview mj-style mj-title mj-raw"
)
CHILDREN = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": frozenset(_HEAD_NAMES.split()),
    "mj-body": frozenset({"mj-raw", "mj-section", "mj-wrapper", "mj-hero"}),
    "mj-wrapper": frozenset({"mj-hero", "mj-raw", "mj-section"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": _COLUMN,
    "mj-hero": _COLUMN,
    "mj-social": frozenset({"mj-social-element", "mj-raw"}),
    "mj-navbar": frozenset({"mj-navbar-link", "mj-raw"}),
    "mj-accordion": frozenset({"mj-accordion-element", "mj-raw"}),
    "mj-accordion-element": frozenset({"mj-accordion-title", "mj-accordion-text", "mj-raw"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
    "mj-html-attributes": frozenset({"mj-selector"}),
    "mj-selector": frozenset({"mj-html-attribute"}),
}
"""What may stand directly in what."""

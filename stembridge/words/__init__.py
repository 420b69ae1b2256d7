"""Words of a musician in a model's terms: "dark funk, slap bass, no piano".

lexicon   the table of words
phrases   which of its phrases a text holds
reading   grammar: what is said of what, what is not wanted, what nobody understands
wishes    what a reading asks of a request, and what of it comes to nothing
"""

from stembridge.words.lexicon import STYLE_METRES
from stembridge.words.phrases import Vocabulary
from stembridge.words.reading import Reading, Said, read
from stembridge.words.wishes import Surroundings, Wishes, WishOutcome, vocabulary_of, wishes_of

__all__ = [
    "STYLE_METRES",
    "Reading",
    "Said",
    "Surroundings",
    "Vocabulary",
    "WishOutcome",
    "Wishes",
    "read",
    "vocabulary_of",
    "wishes_of",
]

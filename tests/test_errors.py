import pickle
import re

import pytest

from stembridge import errors
from stembridge.errors import BY_SYMBOL, BadArgsError, StembridgeError, error_from


def test_codes_and_symbols_are_the_protocols():
    table = {symbol: error.code for symbol, error in BY_SYMBOL.items()}
    assert table == {
        "GENERAL": -1,
        "INCOMPATIBLE_API": -2,
        "NO_SUCH_FILE": -5,
        "NOT_NOW": -8,
        "CREATE_FAILED": -10,
        "BAD_ARGS": -101,
        "UNKNOWN_ID": -102,
        "QUEUE_FULL": -103,
        "DISK_FULL": -104,
        "MODEL_UNTRUSTED": -105,
        "OUT_OF_MEMORY": -106,
        "TIMEOUT": -107,
        "CANCELLED": -108,
        "ATTEMPTS_EXHAUSTED": -109,
        "PATH_DENIED": -110,
        "ID_CONFLICT": -111,
        "DEVICE_LOST": -112,
        "BAD_TIME": -113,
        "CLUSTER_DOWN": -114,
        "BAD_AUDIO": -115,
        "NO_GPU": -116,
        "MISSING_EXTRA": -117,
        "TOKEN_NEEDED": -118,
    }


def test_the_drawn_tree_is_the_tree():
    drawn = re.findall(r"── (\w+) +(-\d+) +(\w+)", errors.__doc__)
    real = [(e.__name__, str(e.code), e.symbol) for e in StembridgeError.__subclasses__()]
    assert drawn == real


@pytest.mark.parametrize("error", BY_SYMBOL.values())
def test_every_error_crosses_a_process_border(error):
    there = pickle.loads(pickle.dumps(error("The cable is out.", retry_after_ms=250)))
    assert type(there) is error
    assert (str(there), there.sentence, there.retry_after_ms) == (
        "The cable is out.",
        "The cable is out.",
        250,
    )


def test_rebuilt_from_the_wire():
    rebuilt = error_from("BAD_ARGS", "No.", 5)
    assert (type(rebuilt), rebuilt.sentence, rebuilt.retry_after_ms) == (BadArgsError, "No.", 5)
    assert type(error_from("FROM_THE_FUTURE", "No.")) is StembridgeError

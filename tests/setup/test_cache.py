"""The cache that several processes share believes nobody but this product."""

import pickle

import pytest
from django.core.cache.backends.redis import RedisCache

from tvm_remediation.cache import ForeignValue, SignedPickles, cache_settings

KEY = "only-for-tests"
KEPT = [0, True, None, "a", [(1, "b")], {"c": {2.5}}]


@pytest.mark.once
@pytest.mark.parametrize("value", KEPT, ids=repr)
def test_a_value_comes_back_as_it_was(value):
    assert SignedPickles().loads(SignedPickles().dumps(value)) == value


class Evil:
    """What runs as soon as it is read."""

    def __reduce__(self):
        return pytest.fail, ("A foreign pickle was read.",)


@pytest.mark.once
def test_a_foreign_value_is_not_read():
    ours, evil = SignedPickles().dumps("ours"), pickle.dumps(Evil())

    for data in (evil, ours[:32] + evil, b"\0" * 32 + evil, ours[:-1], ours[:31], b"", b"7"):
        with pytest.raises(ForeignValue):
            SignedPickles().loads(data)


@pytest.mark.once
def test_with_another_key_nothing_of_before_is_found(settings):
    before = cache_settings("redis://127.0.0.1", settings.SECRET_KEY)["KEY_PREFIX"]
    signed = SignedPickles().dumps("before")
    settings.SECRET_KEY = "another-" + "x" * 50

    assert cache_settings("redis://127.0.0.1", settings.SECRET_KEY)["KEY_PREFIX"] != before
    with pytest.raises(ForeignValue):
        SignedPickles().loads(signed)


def test_what_redis_keeps_is_signed(broker):
    if not broker.startswith("redis://"):
        pytest.skip("the cache is asked for by redis:// only")
    options = cache_settings(broker, KEY)
    cache = RedisCache(options["LOCATION"], options)

    assert cache.get_or_set("numbers", lambda: [1, 2], 60) == cache.get("numbers") == [1, 2]
    stored = cache._cache.get_client().get(cache.make_and_validate_key("numbers"))
    assert SignedPickles().loads(stored) == [1, 2]


@pytest.mark.once
def test_without_an_address_each_process_has_its_own():
    assert cache_settings("", KEY) == {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}

"""What the token may read: accounts, and endpoints.

Invariants: what was never granted is 40001, an account that is gone is 40300 or
40301; an endpoint that was not granted is told by its path, not by the account.
"""
from codes import CODES
from rules import ApiError


def permitted(store, account_id, endpoint):
    """The account, when the token may read it at this endpoint, or the refusal."""
    account = store.account(account_id)
    if account is None:
        raise ApiError(40001, f'No permission to operate advertiser {account_id}')
    if account_id in store.gone:
        code = store.gone[account_id]
        raise ApiError(code, f'{CODES[code]}: {account_id}')
    if {(endpoint, None), (endpoint, account_id)} & store.not_granted:
        raise ApiError(40001, not_granted(endpoint))
    return account


def readable(store, account_id, endpoint):
    """Whether permitted() would let it pass."""
    try:
        return permitted(store, account_id, endpoint)
    except ApiError:
        return None


def not_granted(endpoint):
    return f'advertiser does not grant you /{endpoint}/:GET permission'

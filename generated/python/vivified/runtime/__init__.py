"""What every client of this kind does: send, retry, renew, decode, mask.

Written by hand and free of any contract. What a contract says (paths, types, codes) reaches it
as data from the modules beside this package.
"""

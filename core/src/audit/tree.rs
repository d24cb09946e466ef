//! The Merkle tree over the log (RFC 6962 section 2.1), kept as the roots of its full subtrees.
//!
//! A leaf is the hash of one record, so a record is read once for its link in the chain and its
//! place in the tree costs two more blocks of SHA-256. What is kept grows with the logarithm of the
//! log, and a root is recomputed from it, so it needs no signature of its own.

use ring::digest::{SHA256, digest};

pub type Hash = [u8; 32];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: i64,
    /// Roots of the full subtrees, the largest first: one for each bit that is set in the size.
    roots: Vec<Hash>,
}

impl Tree {
    /// A tree as it was kept; none when the roots do not belong to a tree of this size.
    pub fn from_parts(size: i64, roots: &[u8]) -> Option<Self> {
        let (hashes, rest) = roots.as_chunks::<32>();
        let fits = size >= 0 && rest.is_empty() && hashes.len() == size.count_ones() as usize;
        fits.then(|| Self { size, roots: hashes.to_vec() })
    }

    pub fn size(&self) -> i64 {
        self.size
    }

    /// The roots one after the other, largest first.
    pub fn parts(&self) -> Vec<u8> {
        self.roots.concat()
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            if let Some(left) = self.roots.pop() {
                node = inner(&left, &node);
            }
            rest >>= 1;
        }
        self.roots.push(node);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return sha256(&[]) };
        roots.fold(*last, |right, left| inner(left, &right))
    }
}

/// The leaf of a record: its hash behind the octet that tells leaves from inner nodes.
pub fn leaf(record: &Hash) -> Hash {
    let mut input = [0; 33];
    input[1..].copy_from_slice(record);
    sha256(&input)
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(left);
    input[33..].copy_from_slice(right);
    sha256(&input)
}

pub fn sha256(bytes: &[u8]) -> Hash {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::hex;

    /// The leaves that implementations of Certificate Transparency test with, and their roots.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"@ABC",
            b"PQRSTUVW",
            b"`abcdefghijklmno",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(hex(&tree.root()), hex(&sha256(b"")));
        for (data, root) in leaves.into_iter().zip(roots) {
            tree.push(sha256(&[&[0], data].concat()));
            assert_eq!(hex(&tree.root()), root);
            let again = Tree::from_parts(tree.size(), &tree.parts());
            assert_eq!(again.as_ref(), Some(&tree));
        }
        assert_eq!(Tree::from_parts(7, &tree.parts()), None);
        assert_eq!(Tree::from_parts(8, &tree.parts()[1..]), None);
    }

    /// The definition of the RFC, by halves.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [only] => *only,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                inner(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_of_every_size_are_those_of_the_definition() {
        let mut tree = Tree::default();
        let mut leaves = Vec::new();
        for number in 0_u32..300 {
            leaves.push(leaf(&sha256(&number.to_be_bytes())));
            tree.push(leaves[leaves.len() - 1]);
            assert_eq!(tree.root(), by_definition(&leaves));
        }
    }
}

//! Types that contain each other: Rust needs a `Box` where it happens by value, and a type of
//! its own where an alias would expand for ever.

use crate::contract::{Contract, TypeDeclaration};
use std::collections::HashMap;

/// Numbers the strongly connected components that have an edge inside (Tarjan, without
/// recursion: a chain of types may be as long as a document).
pub fn circles<'a>(
    contract: &'a Contract,
    edges: impl Fn(&'a TypeDeclaration) -> Vec<&'a str>,
) -> HashMap<&'a str, usize> {
    let index: HashMap<&str, usize> =
        contract.types.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let next: Vec<Vec<usize>> = contract
        .types
        .values()
        .map(|found| edges(found).iter().filter_map(|name| index.get(name).copied()).collect())
        .collect();
    let components = components(&next);
    let mut size = HashMap::new();
    for component in &components {
        *size.entry(*component).or_insert(0) += 1;
    }
    contract
        .types
        .keys()
        .enumerate()
        .filter(|(at, _)| size[&components[*at]] > 1 || next[*at].contains(at))
        .map(|(at, name)| (name.as_str(), components[at]))
        .collect()
}

fn components(next: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let (mut order, mut low) = (vec![UNSEEN; next.len()], vec![0; next.len()]);
    let mut component = vec![UNSEEN; next.len()];
    let (mut open, mut counter) = (Vec::new(), 0);
    for start in 0..next.len() {
        if order[start] != UNSEEN {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if *edge == 0 {
                order[node] = counter;
                low[node] = counter;
                counter += 1;
                open.push(node);
            }
            if let Some(&target) = next[node].get(*edge) {
                *edge += 1;
                if order[target] == UNSEEN {
                    path.push((target, 0));
                } else if component[target] == UNSEEN {
                    low[node] = low[node].min(order[target]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    component[member] = node;
                    if member == node {
                        break;
                    }
                }
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_without_recursion() {
        let chain: Vec<Vec<usize>> = (0..100_000).map(|node| vec![(node + 1) % 100_000]).collect();
        let found = components(&chain);
        assert!(found.iter().all(|component| *component == found[0]));
        let found = components(&[vec![1], vec![0, 2], vec![3], vec![]]);
        assert_eq!(found[0], found[1]);
        assert_ne!(found[1], found[2]);
        assert_ne!(found[2], found[3]);
    }
}

//! Types that typify made, kept from printing what they hold.

use std::collections::HashSet;

/// Where one schema is classified, no type of the file prints what it holds: typify tells no
/// field of an inline object from another.
pub fn mask(file: &mut syn::File) {
    let mut impls = Vec::new();
    let mut names = HashSet::new();
    for item in &mut file.items {
        let (name, attributes) = match item {
            syn::Item::Struct(item) => (&item.ident, &mut item.attrs),
            syn::Item::Enum(item)
                if item.variants.iter().any(|variant| !variant.fields.is_empty()) =>
            {
                (&item.ident, &mut item.attrs)
            }
            _ => continue,
        };
        if without_debug(attributes) {
            let text = format!(
                "impl ::std::fmt::Debug for {name} {{
                    fn fmt(&self, out: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
                        out.write_str(\"{name}(***)\")
                    }}
                }}"
            );
            impls.extend(syn::parse_str::<syn::Item>(&text));
            names.insert(name.to_string());
        }
    }
    file.items.retain(|item| !displays(item, &names));
    file.items.extend(impls);
}

/// True for an `impl Display` of one of these types.
fn displays(item: &syn::Item, names: &HashSet<String>) -> bool {
    let syn::Item::Impl(item) = item else { return false };
    let Some((path, _)) = &item.trait_ else { return false };
    let syn::Type::Path(ty) = &*item.self_ty else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Display")
        && ty.path.segments.last().is_some_and(|last| names.contains(&last.ident.to_string()))
}

/// Takes `Debug` out of the derives; false when it was not there.
fn without_debug(attributes: &mut [syn::Attribute]) -> bool {
    let mut found = false;
    for attribute in attributes.iter_mut().filter(|one| one.path().is_ident("derive")) {
        let syn::Meta::List(list) = &mut attribute.meta else { continue };
        let text = list.tokens.to_string();
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let kept: Vec<&str> = names.iter().copied().filter(|name| *name != "Debug").collect();
        if let (true, Ok(tokens)) = (kept.len() < names.len(), kept.join(", ").parse()) {
            list.tokens = tokens;
            found = true;
        }
    }
    found
}

//! The order of cascade layers: those within one another among themselves, before what stands right in the outer one. Pure.

use std::collections::HashMap;

/// A layer by its place among those beside it, from the outermost in.
pub(super) type Layer = Vec<usize>;

/// The layers that were heard of so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    places: HashMap<(Layer, String), usize>,
    /// How many stand right in a layer.
    within: HashMap<Layer, usize>,
}

impl Layers {
    /// The layer of a name, which may be `outer.inner`; without one, each is a layer of its own.
    pub(super) fn layer(&mut self, name: &str, around: &Layer) -> Layer {
        let mut layer = around.clone();
        for part in name.split('.').map(str::trim) {
            let place = (layer.clone(), part.to_owned());
            let known = self.places.get(&place).copied().filter(|_| !part.is_empty());
            let next = known.unwrap_or_else(|| {
                let count = self.within.entry(layer.clone()).or_default();
                *count += 1;
                *count - 1
            });
            self.places.insert(place, next);
            layer.push(next);
        }
        layer
    }
}

#[cfg(test)]
mod tests {
    use crate::stylesheet::Sheet;

    #[test]
    fn layers_win_over_those_before_and_within_them() {
        for css in [
            // With !important the first layer wins, and those in none lose.
            "@layer a{body{display:none!important}}body{display:block!important}",
            "@layer a{body{display:none!important}}@layer b{body{display:block!important}}",
            // Layers within one another: those of the earlier one come first, and what stands right in it comes after them.
            "@layer a,c;@layer a.b{body{opacity:1}}@layer c{body{opacity:0}}",
            "@layer a.b,c;@layer c{body{opacity:0}}@layer a.d{body{opacity:1}}",
            "@layer a{@layer b{body{opacity:1}}body{opacity:0}}",
            "@layer a{@layer b,c;@layer c{body{opacity:0}}@layer b{body{opacity:1}}}",
            "@layer a{@layer b{body{opacity:0!important}}body{opacity:1!important}}",
        ] {
            assert_eq!(Sheet::read(css).hidden.len(), 1, "{css}");
        }
        for css in [
            "@layer a{body{display:none}}body{display:block}",
            "body{display:block}@layer a{body{display:none}}",
            "@layer b,a;@layer a{body{opacity:1}}@layer b{body{opacity:0}}",
            "@layer a,c;@layer a.b{body{opacity:0}}@layer c{body{opacity:1}}",
            "@layer a{@layer b{body{opacity:0}}body{opacity:1}}",
            "@layer a{@layer{body{opacity:0}}@layer{body{opacity:1}}}",
        ] {
            assert_eq!(Sheet::read(css).hidden, [], "{css}");
        }
    }
}

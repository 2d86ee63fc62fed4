use zeroize::{Zeroize, Zeroizing};

/// Makes a buffer large enough for `length` items. One that is too small is copied by hand and overwritten as it is dropped: a buffer that
/// grows by itself leaves copies of sound behind.
pub fn make_room<T: Copy + Zeroize>(buffer: &mut Zeroizing<Vec<T>>, length: usize) {
    /// As much as a few seconds of a call take, in items.
    const LEAST: usize = 4096;
    if length > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two().max(LEAST)));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_stays_and_fits() {
        let mut buffer = Zeroizing::new(vec![1u8, 2, 3]);
        make_room(&mut buffer, 5000);
        assert_eq!(buffer[..], [1, 2, 3]);
        assert!(buffer.capacity() >= 5000);
    }
}

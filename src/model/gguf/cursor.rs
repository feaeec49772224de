//! Little-endian numbers and strings out of bytes, none beyond their end.

/// Why a file cannot be read, in words.
pub type Read<T> = Result<T, String>;

/// A place in a file's bytes.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        let left = &self.bytes[self.at..];
        let taken = left
            .get(..n)
            .ok_or_else(|| format!("it ends in the middle of its header, at byte {}", self.at))?;
        self.at += n;
        Ok(taken)
    }

    pub fn number<const N: usize>(&mut self) -> Read<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub fn u32(&mut self) -> Read<u32> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    pub fn u64(&mut self) -> Read<u64> {
        Ok(u64::from_le_bytes(self.number()?))
    }

    /// How many things of at least `size` bytes follow; more than are left cannot.
    pub fn count(&mut self, what: &str, size: usize) -> Read<usize> {
        let n = self.u64()?;
        let most = self.left() / size.max(1);
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= most)
            .ok_or_else(|| {
                format!("it says that {n} {what} follow, and has room for {most} at most")
            })
    }

    /// A string; bytes that are no UTF-8 are replaced.
    pub fn text(&mut self) -> Read<String> {
        let n = self.count("bytes of text", 1)?;
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }
}

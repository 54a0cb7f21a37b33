//! The text of a filter → its expression.
//!
//! Invariant: total, and bounded in depth and in terms.

use super::{Expression, Operator};

/// Longer ones are programs.
const TEXT_BYTES_MAX: usize = 2_000;
const DEPTH_MAX: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Operator(Operator),
    /// A bare or a quoted text.
    Text(String),
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

pub(super) fn parse(text: &str) -> Result<Option<Expression>, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("must not be longer than {TEXT_BYTES_MAX} bytes"));
    }
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
    };
    if reader.tokens.peek().is_none() {
        return Ok(None);
    }
    let expression = reader.expression(DEPTH_MAX)?;
    match reader.tokens.next() {
        None => Ok(Some(expression)),
        Some(token) => Err(format!("has {} where it should end", shown(&token))),
    }
}

// === impl Reader ===

impl Reader {
    fn expression(&mut self, depth: usize) -> Result<Expression, String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("is nested deeper than {DEPTH_MAX}"));
        };
        let mut parts = vec![self.factor(depth)?];
        let (mut has_and, mut has_or) = (false, false);
        loop {
            match self.tokens.peek() {
                None | Some(Token::Close) => break,
                Some(Token::Or) => {
                    has_or = true;
                    self.tokens.next();
                }
                Some(Token::And) => {
                    has_and = true;
                    self.tokens.next();
                }
                // Two terms side by side must both hold.
                Some(_) => has_and = true,
            }
            if has_and && has_or {
                return Err("has AND and OR together; use parentheses".to_owned());
            }
            parts.push(self.factor(depth)?);
        }
        let one = parts.len() == 1;
        match parts.pop() {
            Some(part) if one => Ok(part),
            Some(part) => {
                parts.push(part);
                Ok(if has_or {
                    Expression::Any(parts)
                } else {
                    Expression::All(parts)
                })
            }
            None => Err("is empty".to_owned()),
        }
    }

    fn factor(&mut self, depth: usize) -> Result<Expression, String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("is nested deeper than {DEPTH_MAX}"));
        };
        match self.tokens.next() {
            Some(Token::Not) => Ok(Expression::Not(Box::new(self.factor(depth)?))),
            Some(Token::Open) => {
                let inner = self.expression(depth)?;
                match self.tokens.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("has a ( without its )".to_owned()),
                }
            }
            Some(Token::Text(text)) => self.term(text),
            Some(token) => Err(format!("has {} where a term should be", shown(&token))),
            None => Err("ends where a term should be".to_owned()),
        }
    }

    fn term(&mut self, text: String) -> Result<Expression, String> {
        let Some(Token::Operator(operator)) = self.tokens.peek().cloned() else {
            return Ok(Expression::Word(text));
        };
        self.tokens.next();
        match self.tokens.next() {
            Some(Token::Text(value)) => Ok(Expression::Compare {
                field: text,
                operator,
                value,
            }),
            _ => Err(format!(
                "compares {text} with nothing; quote what is special: \"…\""
            )),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        let mut followed_by_equal = || rest.next_if_eq(&'=').is_some();
        let token = match letter {
            letter if letter.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ':' => Token::Operator(Operator::Has),
            '=' => Token::Operator(Operator::Equal),
            '!' if followed_by_equal() => Token::Operator(Operator::NotEqual),
            '<' if followed_by_equal() => Token::Operator(Operator::LessOrEqual),
            '<' => Token::Operator(Operator::Less),
            '>' if followed_by_equal() => Token::Operator(Operator::GreaterOrEqual),
            '>' => Token::Operator(Operator::Greater),
            '"' => Token::Text(quoted(&mut rest)?),
            '-' if is_start(&tokens) => Token::Not,
            letter => word(letter, &mut rest),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// A `-` is "not" where a term begins; elsewhere it is part of a value.
fn is_start(tokens: &[Token]) -> bool {
    !matches!(tokens.last(), Some(Token::Operator(_)))
}

fn word(first: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Token {
    let is_part = |c: &char| !c.is_whitespace() && !"():=!<>\"".contains(*c);
    let mut word = String::from(first);
    while let Some(letter) = rest.next_if(is_part) {
        word.push(letter);
    }
    match word.as_str() {
        "AND" => Token::And,
        "OR" => Token::Or,
        "NOT" => Token::Not,
        _ => Token::Text(word),
    }
}

fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => return Ok(text),
            '\\' => text.extend(rest.next()),
            letter => text.push(letter),
        }
    }
    Err("has a \" without its end".to_owned())
}

fn shown(token: &Token) -> String {
    match token {
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::And => "AND".to_owned(),
        Token::Or => "OR".to_owned(),
        Token::Not => "NOT".to_owned(),
        Token::Operator(_) => "an operator".to_owned(),
        Token::Text(text) => crate::name::shown(text),
    }
}
